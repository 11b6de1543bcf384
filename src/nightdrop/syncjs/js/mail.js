const messages = new WeakMap();

const mailText = (value) => {
  if (value === undefined || value === null) return "";
  return Array.isArray(value) ? value.map((part) => acceptText(part) ?? "").join(", ") : (acceptText(value) ?? null);
};

const sendMail = (given) => {
  const message = {};
  for (const name of keys(given)) message[name] = name === "Paths" ? given[name] : mailText(given[name]);
  return call("mail.send", [message]);
};

const mailMethods = {
  AddAttachment(path) {
    stateOf(messages, this, "MailMessage").push(acceptText(path) ?? null);
    return this;
  },
  Send() {
    const message = { Paths: stateOf(messages, this, "MailMessage") };
    for (const name of keys(this)) message[name] = this[name];
    return sendMail(message);
  },
};

const mailClass = (spec) => {
  const type = class {
    constructor() {
      withFields(this, spec.fields);
      messages.set(this, []);
    }
  };
  return finishedClass(type, spec, mailMethods);
};
