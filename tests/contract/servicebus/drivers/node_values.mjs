// Between the driver protocol's JSON and what @azure/service-bus takes and gives; see
// python_values.py.
import { Long } from "./node_modules.mjs";

const FIELDS = {
  message_id: "messageId", subject: "subject", content_type: "contentType",
  correlation_id: "correlationId", to: "to", reply_to: "replyTo", session_id: "sessionId",
  reply_to_session_id: "replyToSessionId", partition_key: "partitionKey",
};

export function filter(found) {
  if (found.sqlExpression != null) return { sql: found.sqlExpression };
  const { subject, applicationProperties } = found;
  return { correlation: { subject: subject ?? null, properties: applicationProperties ?? {} } };
}

export function setting(value) {
  if (value === null || typeof value !== "object") return value;
  const [[kind, held]] = Object.entries(value);
  if (kind === "correlation") {
    return { subject: held.subject, applicationProperties: held.properties };
  }
  return { sqlExpression: { true: "1=1", false: "1=0" }[kind] ?? held };
}

export function camel(name) {
  return name.replace(/_(\w)/g, (_all, letter) => letter.toUpperCase());
}

export function title(name) {
  return name[0].toUpperCase() + name.slice(1);
}

export function renamed(object, rename) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [rename(key), value]));
}

export function wanted(found, names) {
  return Object.fromEntries(names.map((name) => [name, tagged(found[camel(name)]) ?? null]));
}

export function longs(numbers) {
  return numbers.map((number) => Long.fromNumber(number));
}

export function json(value) {
  return Buffer.from(JSON.stringify(value));
}

export function untagged(value) {
  if (Array.isArray(value)) return value.map(untagged);
  if (value === null || typeof value !== "object") return value;
  const [[tag, held]] = Object.entries(value);
  if (tag === "bytes") return Buffer.from(held, "base64");
  if (tag === "time") return new Date(held);
  if (tag === "map") return map(held);
  throw new Error(`@azure/service-bus has no type for ${tag}`);
}

function map(entries) {
  return Object.fromEntries(Object.entries(entries).map(([key, held]) => [key, untagged(held)]));
}

export function tagged(value) {
  if (value === undefined) return null;
  if (Buffer.isBuffer(value)) return { bytes: value.toString("base64") };
  if (value instanceof Date) return value.getTime();
  if (Array.isArray(value)) return value.map(tagged);
  if (Long.isLong(value)) return value.toNumber();
  if (value !== null && typeof value === "object") return { map: renamed(texts(value), String) };
  return value;
}

function texts(properties) {
  const entries = Object.entries(properties ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, tagged(value)]));
}

export function sendable(source) {
  const [[kind, held]] = Object.entries(source.body);
  const body = untagged(held);
  const fields = {};
  for (const [ours, theirs] of Object.entries(FIELDS)) {
    if (ours in source) fields[theirs] = untagged(source[ours]);
  }
  if (kind !== "data") {
    const { messageId, subject } = fields;
    return { body, bodyType: kind, properties: { messageId, subject } };
  }
  if ("properties" in source) fields.applicationProperties = map(source.properties);
  if ("time_to_live" in source) fields.timeToLive = source.time_to_live;
  if ("scheduled_at" in source) fields.scheduledEnqueueTimeUtc = new Date(source.scheduled_at);
  return { body: Buffer.concat(body), ...fields };
}

// What the suite learns of a received message.
export function received(message) {
  const found = {
    body: body(message),
    properties: texts(message.applicationProperties),
    annotations: texts(message._rawAmqpMessage.messageAnnotations),
    time_to_live: message.timeToLive,
    scheduled_at: time(message.scheduledEnqueueTimeUtc),
    sequence_number: message.sequenceNumber?.toNumber(),
    enqueued_sequence_number: message.enqueuedSequenceNumber,
    delivery_count: message.deliveryCount,
    enqueued_at: time(message.enqueuedTimeUtc),
    expires_at: time(message.expiresAtUtc),
    locked_until: time(message.lockedUntilUtc),
    lock_token: message.lockToken,
    state: message.state,
    dead_letter_reason: message.deadLetterReason,
    dead_letter_description: message.deadLetterErrorDescription,
    dead_letter_source: message.deadLetterSource,
  };
  for (const [ours, theirs] of Object.entries(FIELDS)) found[ours] = tagged(message[theirs]);
  const present = Object.entries(found).filter(([, value]) => value != null);
  return Object.fromEntries(present);
}

function body(message) {
  const kind = message._rawAmqpMessage.bodyType;
  return { [kind]: kind === "data" ? [tagged(message.body)] : tagged(message.body) };
}

function time(value) {
  return value == null ? undefined : new Date(value).getTime();
}
