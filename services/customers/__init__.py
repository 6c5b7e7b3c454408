"""The customers service: who customers are, their points, gift cards and feedback."""
