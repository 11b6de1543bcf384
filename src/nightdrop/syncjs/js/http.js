const requests = new WeakMap();
const responses = new WeakMap();

const emptyRequest = () => ({
  url: "", headers: [], query: [], timeout: null, body: null, body_b64: null, form: null,
  basic: null, bearer: null, redirects: true, secret_headers: [], problem: null,
});

const stateOf = (map, object, owner) => {
  const state = map.get(object);
  if (state === undefined) throw new TypeError(`this method belongs to an ${owner} object`);
  return state;
};

const acceptText = (value) => {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint" ? String(value) : undefined;
};

const acceptors = {
  string: acceptText,
  number: (value) => {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    return typeof number === "number" && Number.isFinite(number) ? number : undefined;
  },
  boolean: (value) => Boolean(value),
  Uint8Array: bytesOf,
  "string | string[]": (value) => {
    const list = (Array.isArray(value) ? value : [value]).map(acceptText);
    return list.includes(undefined) ? undefined : list;
  },
  "Record<string, string>": (value) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
    const pairs = keys(value).map((key) => [key, acceptText(value[key])]);
    return pairs.some((pair) => pair[1] === undefined) ? undefined : pairs;
  },
  unknown: (value) => value,
};

const named = (pairs, name) => pairs.filter((pair) => pair[0].toLowerCase() !== name.toLowerCase());
const others = (pairs, name) => (pairs ?? []).filter((pair) => pair[0] !== name);
const noBody = { body: null, body_b64: null, form: null };

const stores = {
  Url: (r, url) => ({ url }),
  Timeout: (r, seconds) => (seconds < 0 ? "the time must not be negative" : { timeout: seconds === 0 ? null : seconds }),
  Header: (r, name, value) => ({
    headers: [...named(r.headers, name), [name, value]], secret_headers: named(r.secret_headers, name),
  }),
  HeaderFromSecret: (r, name, template) => ({
    headers: named(r.headers, name), secret_headers: [...named(r.secret_headers, name), [name, template]],
  }),
  Query: (r, name, values) => ({ query: [...others(r.query, name), ...values.map((value) => [name, value])] }),
  BasicAuth: (r, user, password) => ({ basic: [user, password], bearer: null }),
  BearerToken: (r, token) => ({ bearer: token, basic: null }),
  FollowRedirects: (r, redirects) => ({ redirects }),
  ReqBody: (r, body) => ({ ...noBody, body }),
  ReqBodyBytes: (r, bytes) => ({ ...noBody, body_b64: bytes.toBase64() }),
  ReqJSON: (r, value) => {
    const body = stringify(value);
    if (body === undefined) return "the value has no JSON form";
    const typed = r.headers.some((pair) => pair[0].toLowerCase() === "content-type");
    return { ...noBody, body, headers: typed ? r.headers : [...r.headers, ["Content-Type", "application/json"]] };
  },
  Form: (r, name, values) => ({ ...noBody, form: [...others(r.form, name), ...values.map((value) => [name, value])] }),
  ReqForm: (r, form) => ({ ...noBody, form }),
};

const configure = (request, method, parameters, values) => {
  const accepted = [];
  for (let i = 0; i < parameters.length; i++) {
    const [name, type] = parameters[i];
    const value = values.length > i ? acceptors[type](values[i]) : undefined;
    if (value === undefined) return `HttpCli.${method}: ${name} must be of type ${type}`;
    accepted.push(value);
  }
  try {
    const change = stores[method](request, ...accepted);
    if (typeof change === "string") return `HttpCli.${method}: ${change}`;
    Object.assign(request, change);
  } catch {
    return `HttpCli.${method}: the argument cannot be used`;
  }
  return null;
};

const configurator = (method, parameters) => function (...values) {
  const request = stateOf(requests, this, "HttpCli");
  const problem = configure(request, method, parameters, values);
  if (problem !== null) {
    request.problem = problem;
    writeLog("error", [problem]);
  }
  return this;
};

const failedResult = (error) => ({ id: 0, valid: false, status: 0, headers: [], url: "", ms: 0, error });

const send = (request, method) => {
  if (request.problem !== null) return failedResult(request.problem);
  const { problem, ...spec } = request;
  try {
    return call("http.request", [{ ...spec, method }]);
  } catch (error) {
    return failedResult(error.message);
  }
};

const sender = (fixed) => function (custom) {
  const request = stateOf(requests, this, "HttpCli");
  let result;
  if (fixed === undefined && (typeof custom !== "string" || custom === "")) {
    result = failedResult("HttpCli.Do: customVerb must be of type string");
    writeLog("error", [result.error]);
  } else {
    result = send(request, fixed ?? custom);
  }
  const response = new HttpRes();
  responses.set(response, { result, text: null });
  return response;
};

class HttpCli {
  constructor() {
    requests.set(this, emptyRequest());
  }
}

const resultOf = (response) => stateOf(responses, response, "HttpRes").result;

const bodyText = (response) => {
  const state = stateOf(responses, response, "HttpRes");
  if (!state.result.valid) return "";
  if (state.text === null) state.text = call("http.text", [state.result.id]) ?? "";
  return state.text;
};

class HttpRes {}

const responseMethods = {
  IsValid() {
    return resultOf(this).valid;
  },
  StatusCode() {
    return resultOf(this).status;
  },
  Error() {
    return resultOf(this).error ?? "";
  },
  Url() {
    return resultOf(this).url;
  },
  Duration() {
    return resultOf(this).ms;
  },
  Header(name) {
    const wanted = String(name).toLowerCase();
    return resultOf(this).headers.filter((pair) => pair[0].toLowerCase() === wanted).map((pair) => pair[1]).join(", ");
  },
  Headers() {
    const all = {};
    for (const [name, value] of resultOf(this).headers) {
      const key = name.toLowerCase();
      all[key] = key in all ? `${all[key]}, ${value}` : value;
    }
    return all;
  },
  BodyAsString() {
    return bodyText(this);
  },
  BodyAsJSON() {
    if (!resultOf(this).valid) return null;
    try {
      return parse(bodyText(this));
    } catch {
      writeLog("error", ["HttpRes.BodyAsJSON: the body is not JSON"]);
      return null;
    }
  },
  BodyAsBytes() {
    const result = resultOf(this);
    return Uint8Array.fromBase64((result.valid && call("http.bytes", [result.id])) || "");
  },
  SaveToFile(path) {
    const result = resultOf(this);
    if (typeof path !== "string") {
      writeLog("error", ["HttpRes.SaveToFile: path must be of type string"]);
      return false;
    }
    if (!result.valid) {
      writeLog("error", ["HttpRes.SaveToFile: there is no response to save"]);
      return false;
    }
    return call("http.save", [result.id, path]);
  },
};
