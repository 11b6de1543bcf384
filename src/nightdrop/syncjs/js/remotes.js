const remotes = new WeakMap();
let remoteCount = 0;

const plain = (value) => (acceptText(value) === undefined ? null : typeof value === "bigint" ? Number(value) : value);

const snapshot = (object, known) => {
  const taken = {};
  for (const [name] of known) taken[name] = plain(object[name]);
  return taken;
};

// What is set on an object whose prototype is a watched one, and is no field of it, ends in the watcher.
const withFields = (object, fields) => {
  for (const [name, value] of fields) defineProperty(object, name, { value, writable: true, enumerable: true, configurable: false });
  return object;
};

const unknownField = (owner, name, known) => {
  writeLog("warn", [`${owner} has no field "${name}"${suggest(name, known)}; it was ignored`]);
};

const strict = (owner, known, methods) => new Proxy(Object.create(Object.prototype), {
  get(target, key, receiver) {
    if (typeof key === "string" && !(key in target)) lastUnknownName = [owner, key, [...methods, ...known]];
    return Reflect.get(target, key, receiver);
  },
  set(target, key) {
    if (typeof key === "string") unknownField(owner, key, known);
    return true;
  },
});

const finishedClass = (type, spec, methods) => {
  const [fields, names] = [spec.fields.map((field) => field[0]), spec.methods.map((method) => method.name)];
  defineProperty(type, "name", { value: spec.name });
  for (const name of names) addMethod(type.prototype, spec.name, name, methods[name]);
  Object.setPrototypeOf(type.prototype, strict(spec.name, fields, names));
  freeze(type.prototype);
  return freeze(type);
};

const setFields = (object, owner, known, given) => {
  if (given === null || typeof given !== "object") {
    writeLog("error", [`${owner}: an object with fields is needed`]);
    return;
  }
  for (const key of keys(given)) {
    if (known.includes(key)) object[key] = given[key];
    else unknownField(owner, key, known);
  }
};

const dated = (item) => ({ ...item, TimeStamp: item.TimeStamp === null ? null : new Date(item.TimeStamp) });
const shapes = {
  "DirListItem[]": (items) => items.map(dated),
  "DirListItem | null": (item) => (item === null ? null : dated(item)),
};

const callRemote = (object, spec, method, values) => {
  const { id, options } = stateOf(remotes, object, spec.name);
  const given = snapshot(options, spec.options);
  if (method.name === "Connect") return call("remote.connect", [id, spec.name, snapshot(object, spec.fields), given]);
  return call("remote.call", [id, method.name, values.map(plain), given]);
};

const configureRemote = (object, spec, url, payload) => {
  const { options } = stateOf(remotes, object, spec.name);
  const set = call("remote.configure", [spec.name, plain(url), payload === undefined ? null : plain(payload)]);
  if (set !== null) {
    Object.assign(object, set.fields);
    Object.assign(options, set.options);
  }
  return object;
};

const remoteMethod = (spec, method) => {
  const shape = shapes[method.returns] ?? ((value) => value);
  if (method.name === "Configure") {
    return function (url, payload) {
      return configureRemote(this, spec, url, payload);
    };
  }
  return function (...values) {
    return shape(callRemote(this, spec, method, values));
  };
};

const remoteClass = (spec) => {
  const fieldNames = spec.fields.map((field) => field[0]);
  const optionNames = spec.options.map((option) => option[0]);
  const owner = `${spec.name}.Options`;
  const optionsPrototype = strict(owner, optionNames, []);
  const type = class {
    constructor() {
      const options = withFields(Object.create(optionsPrototype), spec.options);
      withFields(this, spec.fields);
      defineProperty(this, "Options", {
        enumerable: true,
        get: () => options,
        set: (given) => setFields(options, owner, optionNames, given),
      });
      remoteCount += 1;
      remotes.set(this, { id: remoteCount, options });
    }
  };
  defineProperty(type, "name", { value: spec.name });
  for (const method of spec.methods) addMethod(type.prototype, spec.name, method.name, remoteMethod(spec, method));
  Object.setPrototypeOf(type.prototype, strict(spec.name, [...fieldNames, "Options"], spec.methods.map((method) => method.name)));
  freeze(type.prototype);
  return freeze(type);
};
