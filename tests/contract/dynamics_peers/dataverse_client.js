// Drives dynamics-web-api: one JSON call a line on stdin, one JSON answer a line on stdout.
//   {"call": "create", "with": {...}}   ->  {"value": ...} or {"error": {"status", "code", "message"}}
// "batch" takes {"calls": [...], "options": {...}} and sends them in one $batch.
const { DynamicsWebApi } = require(process.argv[2]);
const [serverUrl, token] = process.argv.slice(3);

const client = new DynamicsWebApi({
  serverUrl,
  dataApi: { version: '9.2' },
  onTokenRefresh: async () => token,
});

async function carryOut({ call, with: request }) {
  if (call !== 'batch') return client[call](request);
  client.startBatch();
  for (const each of request.calls) client[each.call](each.with);
  return client.executeBatch(request.options);
}

function told(error) {
  if (Array.isArray(error)) return error.map(told);
  // Of a batch's part the client keeps Dataverse's error as it came.
  const { code, message } = error.error ?? error;
  return { status: error.status, code, message };
}

(async () => {
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = { value: (await carryOut(JSON.parse(line))) ?? null };
    } catch (error) {
      answer = { error: told(error) };
    }
    console.log(JSON.stringify(answer));
  }
})();
