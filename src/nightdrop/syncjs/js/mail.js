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
  const fieldNames = spec.fields.map((field) => field[0]);
  const type = class {
    constructor() {
      withFields(this, spec.fields);
      messages.set(this, []);
    }
  };
  defineProperty(type, "name", { value: spec.name });
  for (const method of spec.methods) addMethod(type.prototype, spec.name, method.name, mailMethods[method.name]);
  Object.setPrototypeOf(type.prototype, strict(spec.name, fieldNames, spec.methods.map((method) => method.name)));
  freeze(type.prototype);
  return freeze(type);
};
