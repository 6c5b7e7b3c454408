// @azure/service-bus driven by JSON lines: the same requests, values and error codes as
// python_operations.py. The argument is the folder that holds node_modules.
import fs from "node:fs";
import readline from "node:readline";

import { errorOf } from "./node_errors.mjs";
import { ServiceBusAdministrationClient, ServiceBusClient, require } from "./node_modules.mjs";
import {
  camel, filter, json, longs, received, renamed, sendable, setting, tagged, title, untagged, wanted,
} from "./node_values.mjs";

const objects = new Map();
const messages = new Map();

const SUB_QUEUES = { "dead-letter": "deadLetter", "transfer-dead-letter": "transferDeadLetter" };
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
    await sender.sendMessages(sendable(args.message));
  },
  async send_list(sender, args) {
    await sender.sendMessages(args.messages.map(sendable));
  },
  async send_batch(sender, args) {
    const batch = await sender.createMessageBatch();
    let sent = 0;
    for (const each of args.messages) {
      if (!batch.tryAddMessage(sendable(each))) break;
      sent += 1;
    }
    await sender.sendMessages(batch);
    return { sent, limit: batch.maxSizeInBytes };
  },
  async schedule(sender, args) {
    const numbers = await sender.scheduleMessages(args.messages.map(sendable), new Date(args.at));
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
    const options = args.start == null ? {} : { fromSequenceNumber: longs([args.start])[0] };
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

function keep(message) {
  const reference = messages.size + 1;
  messages.set(reference, message);
  return { reference, ...received(message) };
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
