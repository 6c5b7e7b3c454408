// rhea against the bus: `node rhea_peer.js HOST:PORT`, JSON on stdout. NODE_PATH names where rhea is.
//
// Sends and settles as its users do, in the smallest frames and with a window that fills up.
"use strict";

const rhea = require("rhea");

const [host, port] = process.argv[2].split(":");
const bodies = ["first", "second", "third", "x".repeat(70000)];
for (let n = 0; n < 16; n++) bodies.push(`message ${n}`);

const report = { sent: 0, accepted: [], lengths: [], failures: {}, drained: false };
const seen = new Set();
const container = rhea.create_container();
const connection = container.connect({
  host, port: Number(port), reconnect: false, max_frame_size: 512, username: "anonymous",
  idle_time_out: 1000,
});
const sender = connection.open_sender("work");
let unsent = bodies.slice();
let receiver;

container.on("sendable", (context) => {
  while (unsent.length && context.sender.sendable()) {
    const body = unsent.shift();
    context.sender.send({ message_id: body.slice(0, 20), body, subject: "test" });
  }
});

container.on("accepted", () => {
  report.sent += 1;
  if (report.sent < bodies.length) return;
  sender.close();
  receiver = connection.open_receiver({
    source: "work", credit_window: 0, autoaccept: false, autosettle: true,
  });
  // One at a time: rhea 3.0.5 tells two neighbouring outcomes of one turn as the first of them.
  receiver.add_credit(1);
});

container.on("message", (context) => {
  const { message, delivery } = context;
  const again = seen.has(message.body);
  seen.add(message.body);
  if (message.delivery_count) report.failures[message.body] = message.delivery_count;
  if (!again && message.body === "first") delivery.release();
  else if (!again && message.body === "second") delivery.reject({ condition: "test:no" });
  else if (!again && message.body === "third") delivery.modified({ delivery_failed: true });
  else {
    delivery.accept();
    report.accepted.push(message.body.slice(0, 20));
    report.lengths.push(message.body.length);
  }
  if (report.accepted.length < bodies.length - 1) receiver.add_credit(1);
  else receiver.drain_credit();
});

container.on("receiver_drained", () => {
  report.drained = true;
  connection.close();
});
container.on("connection_close", () => {
  report.lengths = [...new Set(report.lengths)].sort((a, b) => a - b);
  console.log(JSON.stringify(report));
});
for (const trouble of ["rejected", "session_error", "connection_error", "disconnected"]) {
  container.on(trouble, (context) => {
    console.error(trouble, String(context.error || (context.delivery || {}).remote_state));
    process.exitCode = 1;
  });
}
