// Administers a namespace with the stock Node SDK and tells, as one JSON line, what it saw.
// Arguments: the folder that holds node_modules, the connection string.
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, connectionString] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { ServiceBusAdministrationClient } = require("@azure/service-bus");
const client = new ServiceBusAdministrationClient(connectionString, {
  retryOptions: { maxRetries: 0 },
});

const queueSettings = {
  lockDuration: "PT45S",
  maxSizeInMegabytes: 2048,
  maxDeliveryCount: 7,
  requiresSession: true,
  requiresDuplicateDetection: true,
  duplicateDetectionHistoryTimeWindow: "PT5M",
  defaultMessageTimeToLive: "P2DT3H",
  deadLetteringOnMessageExpiration: true,
  enableBatchedOperations: false,
  enablePartitioning: true,
  enableExpress: true,
  autoDeleteOnIdle: "P1D",
  userMetadata: "till 7 <&>",
  status: "ReceiveDisabled",
  maxMessageSizeInKilobytes: 2048,
  authorizationRules: [
    {
      claimType: "SharedAccessKey",
      accessRights: ["Listen", "Send"],
      keyName: "reader",
      primaryKey: "cHJpbWFyeQ==",
      secondaryKey: "c2Vjb25kYXJ5",
    },
  ],
};
const moment = new Date("2026-03-01T12:30:00.000Z");
const correlation = {
  correlationId: "c",
  messageId: "m",
  to: "t",
  replyTo: "r",
  subject: "l",
  sessionId: "s",
  replyToSessionId: "rs",
  contentType: "ct",
  applicationProperties: { text: "a<b", share: 0.5, whole: 7, open: true, since: moment },
};

const shown = (found, wanted) =>
  Object.fromEntries(Object.keys(wanted).map((name) => [name, found[name]]));
const names = async (list, name = "name") => {
  const found = [];
  for await (const page of list.byPage({ maxPageSize: 2 })) {
    found.push(...page.map((each) => each[name]));
  }
  return found;
};
const failure = async (call) => {
  try {
    await call();
    return "none";
  } catch (error) {
    return [error.code, error.statusCode];
  }
};

const seen = { wanted: { queueSettings, correlation } };
seen.namespace = (await client.getNamespaceProperties()).name;

await client.createQueue("orders", queueSettings);
const queue = await client.getQueue("orders");
seen.queue = shown(queue, queueSettings);
queue.status = "Active";
queue.maxDeliveryCount = 3;
seen.updated = shown(await client.updateQueue(queue), queueSettings);
for (const name of ["q1", "q2", "q3", "q4"]) await client.createQueue(name);
await client.createQueue("shop/till", { forwardTo: "q1", forwardDeadLetteredMessagesTo: "q2" });
const forwarding = await client.getQueue("shop/till");
seen.forwarding = [forwarding.forwardTo, forwarding.forwardDeadLetteredMessagesTo];
seen.queues = await names(client.listQueues());
seen.queueRuntime = await names(client.listQueuesRuntimeProperties());
seen.runtime = await client.getQueueRuntimeProperties("orders");

await client.createTopic("sales", { userMetadata: "m", supportOrdering: false });
const topic = await client.getTopic("sales");
seen.topic = shown(topic, { name: 0, userMetadata: 0, supportOrdering: 0, status: 0 });
await client.updateTopic({ ...topic, userMetadata: "n" });
seen.topicMetadata = (await client.getTopic("sales")).userMetadata;

await client.createSubscription("sales", "books", {
  lockDuration: "PT2M",
  defaultRuleOptions: { name: "first", filter: { sqlExpression: "price > 1" } },
});
const subscription = await client.getSubscription("sales", "books");
seen.subscription = shown(subscription, { topicName: 0, subscriptionName: 0, lockDuration: 0 });
await client.updateSubscription({ ...subscription, maxDeliveryCount: 4 });
seen.subscriptionRuntime = await client.getSubscriptionRuntimeProperties("sales", "books");
for (const name of ["s1", "s2", "s3"]) await client.createSubscription("sales", name);
seen.subscriptions = await names(client.listSubscriptions("sales"), "subscriptionName");
seen.topicRuntime = await client.getTopicRuntimeProperties("sales");

await client.createRule("sales", "books", "correlation", correlation);
await client.createRule(
  "sales",
  "books",
  "sql",
  { sqlExpression: "price > @p", sqlParameters: { "@p": 10 } },
  { sqlExpression: "SET tier = @t", sqlParameters: { "@t": "gold" } },
);
seen.correlation = (await client.getRule("sales", "books", "correlation")).filter;
const sql = await client.getRule("sales", "books", "sql");
seen.sql = [sql.filter, sql.action];
sql.filter = { sqlExpression: "price > 20" };
await client.updateRule("sales", "books", sql);
seen.updatedSql = (await client.getRule("sales", "books", "sql")).filter.sqlExpression;
seen.rules = await names(client.listRules("sales", "books"));
seen.defaultRule = (await client.getRule("sales", "s1", "$Default")).filter.sqlExpression;

seen.exists = [await client.queueExists("orders"), await client.queueExists("nowhere")];
seen.failures = {
  again: await failure(() => client.createQueue("orders")),
  missing: await failure(() => client.getQueue("nowhere")),
  updateMissing: await failure(() => client.updateQueue({ ...queue, name: "nowhere" })),
  deleteMissing: await failure(() => client.deleteTopic("nowhere")),
  immutable: await failure(() => client.updateQueue({ ...queue, requiresSession: false })),
  bad: await failure(() => client.createQueue("bad", { lockDuration: "soon" })),
};

await client.deleteRule("sales", "books", "first");
await client.deleteSubscription("sales", "s1");
await client.deleteTopic("sales");
for (const name of [...seen.queues].reverse()) await client.deleteQueue(name);
seen.left = [...(await names(client.listQueues())), ...(await names(client.listTopics()))];
console.log(JSON.stringify(seen));
