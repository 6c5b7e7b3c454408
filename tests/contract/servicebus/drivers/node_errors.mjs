// What the Node SDK's errors stand for; see python_errors.py.
import { ConditionErrorNameMapper } from "./node_modules.mjs";

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

export function errorOf(error) {
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
