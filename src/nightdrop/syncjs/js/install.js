const globalNames = [...table.constants.map((c) => c[0]), ...table.functions, ...table.objects.map((o) => o.name), "console", "Params", "HaltSignalReceived"];

// A name that no method has stays undefined, as scripts may ask for it; only the error text gets the hint.
const noteUnknownNames = (owner, known) => new Proxy(Object.create(Object.prototype), {
  get(target, key, receiver) {
    if (typeof key === "string" && !(key in target)) lastUnknownName = [owner, key, known];
    return Reflect.get(target, key, receiver);
  },
  set(target, key, value, receiver) {
    const hint = typeof key === "string" ? suggest(key, known) : "";
    if (hint !== "") writeLog("warn", [`${owner} has no "${key}"${hint}`]);
    return defineProperty(receiver, key, { value, writable: true, configurable: true, enumerable: true }) === receiver;
  },
});

// `cli.Timeout = 15` instead of `cli.Timeout(15)` would otherwise be ignored without a word.
const addMethod = (target, owner, name, method) => {
  defineProperty(method, "name", { value: name });
  freeze(method);
  defineProperty(target, name, {
    configurable: false,
    enumerable: false,
    get() {
      return method;
    },
    set() {
      const problem = `${owner}.${name} is a method: call it, do not assign to it`;
      writeLog("error", [problem]);
      const request = requests.get(this);
      if (request !== undefined) request.problem = problem;
    },
  });
};

const methodOf = (owner, spec) => {
  if (spec.kind === "configure") return configurator(spec.name, spec.parameters);
  if (spec.kind === "send") return sender(spec.verb);
  return responseMethods[spec.name];
};

const classes = { HttpCli, HttpRes };
const written = { MailMessage: mailClass, FsWatcher: watcherClass };

for (const [name, value] of table.constants) install(name, value);
for (const name of table.functions) {
  defineProperty(functions[name], "name", { value: name });
  install(name, freeze(functions[name]));
}
for (const object of table.objects) {
  if (object.options) {
    install(object.name, remoteClass(object));
    continue;
  }
  if (written[object.name] !== undefined) {
    install(object.name, written[object.name](object));
    continue;
  }
  const type = classes[object.name];
  const known = object.methods.map((method) => method.name);
  for (const method of object.methods) addMethod(type.prototype, object.name, method.name, methodOf(object.name, method));
  Object.setPrototypeOf(type.prototype, noteUnknownNames(object.name, known));
  freeze(type.prototype);
  freeze(type);
  if (object.constructible) install(object.name, type);
}
install("console", freeze(consoleMethods));
install("TextEncoder", TextEncoder);
install("TextDecoder", TextDecoder);
install("Params", freeze({}));
