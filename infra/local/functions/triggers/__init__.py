"""The triggers: each one waits for its kind of event and invokes its function."""
