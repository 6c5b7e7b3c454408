// @azure/service-bus driven by JSON lines: the same requests, values and error codes as
// python_operations.py. The argument is the folder that holds node_modules.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const require = createRequire(path.join(path.resolve(process.argv[2]), "driver.js"));
const { ServiceBusAdministrationClient, ServiceBusClient } = require("@azure/service-bus");
const { ConditionErrorNameMapper } = require("@azure/core-amqp");
const Long = require("long");

const objects = new Map();
const messages = new Map();

const SUB_QUEUES = { "dead-letter": "deadLetter", "transfer-dead-letter": "transferDeadLetter" };
const FIELDS = {
  message_id: "messageId", subject: "subject", content_type: "contentType",
  correlation_id: "correlationId", to: "to", reply_to: "replyTo", session_id: "sessionId",
  reply_to_session_id: "replyToSessionId", partition_key: "partitionKey",
};

const OPERATIONS = {
  // Opening and closing

  async open_client(_on, args) {
    const tls = args.ca_file ? { ca: fs.readFileSync(args.ca_file) } : undefined;
    const webSocketOptions = args.web_socket
      ? { webSocket: require("ws"), webSocketConstructorOptions: tls }
      : undefined;
    const options = {
      retryOptions: {
        maxRetries: args.retries, retryDelayInMs: 200, timeoutInMs: 1000 * (args.timeout ?? 20),
      },
      webSocketOptions,
    };
    objects.set(args.as, new ServiceBusClient(args.connection_string, options));
  },
  async open_admin(_on, args) {
    const options = { retryOptions: { maxRetries: 0 } };
    if (args.ca_file) options.tlsOptions = { ca: fs.readFileSync(args.ca_file) };
    objects.set(args.as, new ServiceBusAdministrationClient(args.connection_string, options));
  },
  async open_sender(client, args) {
    const sender = client.createSender(args.entity);
    await sender.createMessageBatch(); // opens the link, as the Python SDK does at once
    objects.set(args.as, sender);
  },
  async open_receiver(client, args) {
    const entity = [args.entity].flat();
    const options = {
      receiveMode: args.mode === "peek-lock" ? "peekLock" : "receiveAndDelete",
      subQueueType: SUB_QUEUES[args.sub_queue],
      skipParsingBodyAsJson: true,
      maxAutoLockRenewalDurationInMs: 0,
    };
    let receiver;
    if (args.next_session) receiver = await client.acceptNextSession(...entity, options);
    else if (args.session != null) {
      receiver = await client.acceptSession(...entity, args.session, options);
    } else receiver = client.createReceiver(...entity, options);
    objects.set(args.as, receiver);
    return receiver.sessionId == null ? null : session(receiver);
  },
  async close(on, args) {
    if (on.close) await on.close();
    objects.delete(args.name);
  },

  // Sending

  async send(sender, args) {
    await sender.sendMessages(message(args.message));
  },
  async send_list(sender, args) {
    await sender.sendMessages(args.messages.map(message));
  },
  async send_batch(sender, args) {
    const batch = await sender.createMessageBatch();
    let sent = 0;
    for (const each of args.messages) {
      if (!batch.tryAddMessage(message(each))) break;
      sent += 1;
    }
    await sender.sendMessages(batch);
    return { sent, limit: batch.maxSizeInBytes };
  },
  async schedule(sender, args) {
    const numbers = await sender.scheduleMessages(args.messages.map(message), new Date(args.at));
    return numbers.map(Number);
  },
  async cancel(sender, args) {
    await sender.cancelScheduledMessages(longs(args.numbers));
  },

  // Receiving and settling

  async receive(receiver, args) {
    const options = args.wait == null ? {} : { maxWaitTimeInMs: args.wait * 1000 };
    return (await receiver.receiveMessages(args.count, options)).map(keep);
  },
  async receive_deferred(receiver, args) {
    return (await receiver.receiveDeferredMessages(longs(args.numbers))).map(keep);
  },
  async peek(receiver, args) {
    const options = args.start == null ? {} : { fromSequenceNumber: Long.fromNumber(args.start) };
    return (await receiver.peekMessages(args.count, options)).map(keep);
  },
  async complete(receiver, args) {
    await receiver.completeMessage(messages.get(args.message));
  },
  async abandon(receiver, args) {
    await receiver.abandonMessage(messages.get(args.message), args.properties);
  },
  async defer(receiver, args) {
    await receiver.deferMessage(messages.get(args.message), args.properties);
  },
  async dead_letter(receiver, args) {
    await receiver.deadLetterMessage(messages.get(args.message), {
      deadLetterReason: args.reason,
      deadLetterErrorDescription: args.description,
      ...args.properties,
    });
  },
  async renew_lock(receiver, args) {
    return (await receiver.renewMessageLock(messages.get(args.message))).getTime();
  },

  // Sessions

  async session(receiver) {
    return session(receiver);
  },
  async renew_session(receiver) {
    return (await receiver.renewSessionLock()).getTime();
  },
  async get_session_state(receiver) {
    const state = await receiver.getSessionState();
    return state == null ? null : tagged(Buffer.isBuffer(state) ? state : json(state));
  },
  async set_session_state(receiver, args) {
    await receiver.setSessionState(untagged(args.state));
  },

  // Administration

  async admin_create(admin, args) {
    const properties = renamed(args.properties, camel);
    for (const name of Object.keys(properties)) properties[name] = setting(properties[name]);
    await admin[`create${title(args.kind)}`](...args.path, properties);
  },
  async admin_get(admin, args) {
    return wanted(await admin[`get${title(args.kind)}`](...args.path), args.wanted);
  },
  async admin_runtime(admin, args) {
    const found = await admin[`get${title(args.kind)}RuntimeProperties`](...args.path);
    return wanted(found, args.wanted);
  },
  async admin_update(admin, args) {
    const found = await admin[`get${title(args.kind)}`](...args.path);
    await admin[`update${title(args.kind)}`]({ ...found, ...renamed(args.properties, camel) });
  },
  async admin_delete(admin, args) {
    await admin[`delete${title(args.kind)}`](...args.path);
  },
  async admin_list(admin, args) {
    const found = [];
    for await (const each of admin[`list${title(args.kind)}s`](...args.path)) found.push(each);
    return found.map((each) => each.subscriptionName ?? each.name);
  },
  async admin_namespace(admin, args) {
    return wanted(await admin.getNamespaceProperties(), args.wanted);
  },
  async add_rule(client, args) {
    const action = args.action == null ? undefined : { sqlExpression: args.action };
    await rules(client, args).createRule(args.name, setting(args.filter), action);
  },
  async remove_rule(client, args) {
    await rules(client, args).deleteRule(args.name);
  },
  async list_rules(client, args) {
    const found = [];
    for await (const rule of rules(client, args).listRules()) found.push(rule);
    return found.map((rule) => ({
      name: rule.name, ...filter(rule.filter),
      ...(rule.action?.sqlExpression ? { action: rule.action.sqlExpression } : {}),
    }));
  },
};

function rules(client, args) {
  return client.createRuleManager(...args.entity);
}

function session(receiver) {
  return { id: receiver.sessionId, locked_until: receiver.sessionLockedUntilUtc.getTime() };
}

// Values

function filter(found) {
  if (found.sqlExpression != null) return { sql: found.sqlExpression };
  const { subject, applicationProperties } = found;
  return { correlation: { subject: subject ?? null, properties: applicationProperties ?? {} } };
}

function setting(value) {
  if (value === null || typeof value !== "object") return value;
  const [[kind, held]] = Object.entries(value);
  if (kind === "correlation") {
    return { subject: held.subject, applicationProperties: held.properties };
  }
  return { sqlExpression: { true: "1=1", false: "1=0" }[kind] ?? held };
}

function camel(name) {
  return name.replace(/_(\w)/g, (_all, letter) => letter.toUpperCase());
}

function title(name) {
  return name[0].toUpperCase() + name.slice(1);
}

function renamed(object, rename) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [rename(key), value]));
}

function wanted(found, names) {
  return Object.fromEntries(names.map((name) => [name, tagged(found[camel(name)]) ?? null]));
}

function longs(numbers) {
  return numbers.map((number) => Long.fromNumber(number));
}

function json(value) {
  return Buffer.from(JSON.stringify(value));
}

function untagged(value) {
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

function tagged(value) {
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

function message(source) {
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

function keep(received) {
  const reference = messages.size + 1;
  messages.set(reference, received);
  const found = {
    reference,
    body: body(received),
    properties: texts(received.applicationProperties),
    annotations: texts(received._rawAmqpMessage.messageAnnotations),
    time_to_live: received.timeToLive,
    scheduled_at: time(received.scheduledEnqueueTimeUtc),
    sequence_number: received.sequenceNumber?.toNumber(),
    enqueued_sequence_number: received.enqueuedSequenceNumber,
    delivery_count: received.deliveryCount,
    enqueued_at: time(received.enqueuedTimeUtc),
    expires_at: time(received.expiresAtUtc),
    locked_until: time(received.lockedUntilUtc),
    lock_token: received.lockToken,
    state: received.state,
    dead_letter_reason: received.deadLetterReason,
    dead_letter_description: received.deadLetterErrorDescription,
    dead_letter_source: received.deadLetterSource,
  };
  for (const [ours, theirs] of Object.entries(FIELDS)) found[ours] = tagged(received[theirs]);
  const present = Object.entries(found).filter(([, value]) => value != null);
  return Object.fromEntries(present);
}

function body(received) {
  const kind = received._rawAmqpMessage.bodyType;
  return { [kind]: kind === "data" ? [tagged(received.body)] : tagged(received.body) };
}

function time(value) {
  return value == null ? undefined : new Date(value).getTime();
}

// Errors

const CONDITIONS = Object.fromEntries(
  Object.entries(ConditionErrorNameMapper).map(([condition, name]) => [name, condition]),
);
const CODES = {
  MessagingEntityNotFound: "not-found", MessageSizeExceeded: "message-size-exceeded",
  MessagingEntityAlreadyExists: "entity-already-exists", MessageLockLost: "message-lock-lost",
  MessagingEntityDisabled: "entity-disabled", MessageNotFound: "message-not-found",
  QuotaExceeded: "resource-limit-exceeded", ServiceBusy: "server-busy", ServiceTimeout: "timeout",
  SessionCannotBeLocked: "session-cannot-be-locked", SessionLockLost: "session-lock-lost",
  UnauthorizedAccess: "unauthorized-access", ServiceCommunicationProblem: "connection",
};
const STATUSES = {
  401: "unauthorized-access", 404: "not-found", 409: "entity-already-exists",
};

function errorOf(error) {
  const text = `${error.name} ${error.code}: ${error.message}`;
  if (error.statusCode) return { code: STATUSES[error.statusCode] ?? `http-${error.statusCode}`, text };
  if (error.name !== "ServiceBusError" && /already settled/i.test(error.message)) {
    return { code: "message-already-settled", text };
  }
  // What has no code of its own is GeneralError, its real name at the start of the text.
  const named = error.code === "GeneralError" ? error.message.split(":")[0] : error.code;
  const condition = CONDITIONS[named] ?? String(named ?? error.name);
  return { code: CODES[named] ?? condition.split(":").pop(), text };
}

async function serve(request) {
  const { id, op, on, args } = request;
  let answer;
  try {
    answer = { result: (await OPERATIONS[op](objects.get(on), args ?? {})) ?? null };
  } catch (error) {
    answer = { error: errorOf(error) };
  }
  process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`);
}

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => serve(JSON.parse(line)));
lines.on("close", () => process.exit(0));
