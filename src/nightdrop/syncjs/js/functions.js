const readSecret = (name, caller) => parse(host("secret.get", stringify([typeof name === "string" ? name : null, caller])));

const functions = {
  GetSecret(name, fallback) {
    const value = readSecret(name, "GetSecret").v;
    if (value !== null) return value;
    return fallback === undefined ? "" : fallback;
  },
  HasSecret(name) {
    return call("secret.has", [typeof name === "string" ? name : null]);
  },
  RequireSecret(name) {
    const answer = readSecret(name, "RequireSecret");
    if (answer.v === null) throw new Error(`RequireSecret(${stringify(textOf(name))}): ${answer.why}`);
    return answer.v;
  },
  Log(...values) {
    writeLog("info", values);
  },
  LogWarn(...values) {
    writeLog("warn", values);
  },
  LogError(...values) {
    writeLog("error", values);
  },
  Exit() {
    host("exit", "[]");
  },
  SendMail(from, to, subject, body, attachments) {
    return sendMail({ From: from, To: to, Subject: subject, Text: body, Masks: attachments });
  },
  Respond(status, body) {
    const plain = body === undefined || typeof body === "string";
    return call("respond", [Number(status), plain ? body ?? "" : JSON.stringify(body), !plain]);
  },
  CtxRelPath() {
    const file = globalThis.Params?.File;
    return typeof file?.Path === "string" ? file.Path : "";
  },
  structuredClone(value) {
    return cloneInto(value, new Map());
  },
};

const consoleMethods = {
  log: functions.Log,
  info: functions.Log,
  debug: functions.Log,
  warn: functions.LogWarn,
  error: functions.LogError,
};
