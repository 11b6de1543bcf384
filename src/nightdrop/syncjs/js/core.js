const host = globalThis.__host;
delete globalThis.__host;

const { parse, stringify } = JSON;
const evaluate = globalThis.eval;
const { defineProperty, freeze, keys } = Object;
const NativeError = Error;
const NativePromise = Promise;
const promiseThen = Promise.prototype.then;

const MAX_LOG_CHARS = 12 * 1024 * 1024;
let lastUnknownName = null;
let asyncFailure = null;

const call = (op, args) => {
  const answer = parse(host(op, stringify(args)));
  if (answer.e !== undefined) throw new Error(answer.e.message);
  return answer.v;
};

const install = (name, value) => {
  defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
};

const deepFreeze = (value) => {
  if (value !== null && typeof value === "object") {
    for (const key of keys(value)) deepFreeze(value[key]);
    freeze(value);
  }
  return value;
};

const distance = (a, b) => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1].toLowerCase() === b[j - 1].toLowerCase() ? 0 : 1;
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + same);
    }
    row = next;
  }
  return row[b.length];
};

const suggest = (name, known) => {
  let best = "";
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of name.length > 64 ? [] : known) {
    const d = distance(name, candidate);
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best === "" ? "" : `, did you mean "${best}"?`;
};

const explain = (name, message) => {
  if (name === "TypeError" && message === "not a function" && lastUnknownName !== null) {
    const [owner, wrong, known] = lastUnknownName;
    return `${message}: ${owner} has no "${wrong}"${suggest(wrong, known)}`;
  }
  if (name === "ReferenceError" && message.endsWith(" is not defined")) {
    return message + suggest(message.slice(0, -" is not defined".length), globalNames);
  }
  return message;
};

const describe = (thrown) => {
  let name = "";
  let message = "";
  let stack = "";
  try {
    if (thrown instanceof NativeError) {
      name = String(thrown.name);
      message = explain(name, String(thrown.message));
      stack = typeof thrown.stack === "string" ? thrown.stack : "";
    } else {
      message = textOf(thrown);
    }
  } catch {
    message = "an object that cannot be shown";
  }
  return stringify({ error: thrown instanceof NativeError, isNull: thrown === null, name, message, stack });
};

const watch = (result) => {
  if (result instanceof NativePromise) {
    promiseThen.call(result, undefined, (reason) => {
      asyncFailure = { reason };
    });
  }
};

const readOnly = (stoppedCode) => {
  const stop = (globalThis.__stop = {});
  try {
    evaluate(stoppedCode);
  } catch (thrown) {
    return thrown === stop ? "" : describe(thrown);
  }
  return "";
};

const entry = (command, json) => {
  if (command === "check") return readOnly(json);
  if (command === "run") {
    const { code, params } = parse(json);
    install("Params", deepFreeze(params));
    try {
      watch(evaluate(code));
      return "";
    } catch (thrown) {
      return describe(thrown);
    }
  }
  return asyncFailure === null ? "" : describe(asyncFailure.reason);
};
