const textOf = (value) => {
  try {
    if (typeof value === "string") return value;
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    if (value !== null && typeof value === "object") {
      const json = stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v));
      if (json !== undefined) return json;
    }
  } catch {
    // A cycle or a hostile toJSON: the plain form below has to do.
  }
  try {
    return String(value);
  } catch {
    return "[an object that cannot be shown]";
  }
};

const writeLog = (level, values) => {
  let text = values.length === 1 ? textOf(values[0]) : values.map(textOf).join(" ");
  if (text.length > MAX_LOG_CHARS) text = text.slice(0, MAX_LOG_CHARS);
  host("log", stringify([level, text]));
};

const utf8Encode = (input) => {
  const text = input.toWellFormed();
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    if (code >= 0xd800 && code < 0xdc00) code = 0x10000 + ((code - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00);
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        bytes[at++] = 0xe0 | (code >> 12);
      } else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 63);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 63);
    }
    bytes[at++] = 0x80 | (code & 63);
  }
  return bytes.slice(0, at);
};

const bytesOf = (value) => {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return undefined;
};

// Lengths and lower bounds as in RFC 3629; a bad sequence becomes one U+FFFD as the WHATWG decoder does.
const utf8Decode = (bytes, fatal) => {
  const parts = [];
  let chunk = "";
  let i = 0;
  while (i < bytes.length) {
    const lead = bytes[i++];
    let code = lead;
    if (lead >= 0x80) {
      const more = lead >= 0xc2 && lead < 0xe0 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xf0 && lead < 0xf5 ? 3 : 0;
      code = more === 0 ? -1 : lead & (0x3f >> more);
      let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      for (let n = 0; n < more; n++) {
        const byte = bytes[i];
        if (byte === undefined || byte < low || byte > high) {
          code = -1;
          break;
        }
        code = (code << 6) | (byte & 63);
        low = 0x80;
        high = 0xbf;
        i++;
      }
    }
    if (code < 0 && fatal) throw new TypeError("the bytes are not valid UTF-8");
    chunk += String.fromCodePoint(code < 0 ? 0xfffd : code);
    if (chunk.length > 8192) {
      parts.push(chunk);
      chunk = "";
    }
  }
  parts.push(chunk);
  return parts.join("");
};

class TextEncoder {
  get encoding() {
    return "utf-8";
  }
  encode(text = "") {
    return utf8Encode(String(text));
  }
}

class TextDecoder {
  #fatal;
  #keepMark;
  constructor(label = "utf-8", options = {}) {
    if (!["utf-8", "utf8"].includes(String(label).toLowerCase())) throw new RangeError("TextDecoder knows utf-8 only");
    this.#fatal = Boolean(options.fatal);
    this.#keepMark = Boolean(options.ignoreBOM);
  }
  get encoding() {
    return "utf-8";
  }
  decode(input = new Uint8Array(0)) {
    const bytes = bytesOf(input);
    if (bytes === undefined) throw new TypeError("TextDecoder.decode takes bytes");
    const text = utf8Decode(bytes, this.#fatal);
    return !this.#keepMark && text.startsWith("\ufeff") ? text.slice(1) : text;
  }
}

const cloneInto = (value, seen) => {
  if (typeof value === "function" || typeof value === "symbol") throw new TypeError("a function cannot be cloned");
  if (value === null || typeof value !== "object") return value;
  if (seen.has(value)) return seen.get(value);
  const keep = (copy) => {
    seen.set(value, copy);
    return copy;
  };
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (ArrayBuffer.isView(value)) return keep(new value.constructor(value));
  if (value instanceof Map) {
    const copy = keep(new Map());
    for (const [k, v] of value) copy.set(cloneInto(k, seen), cloneInto(v, seen));
    return copy;
  }
  if (value instanceof Set) {
    const copy = keep(new Set());
    for (const v of value) copy.add(cloneInto(v, seen));
    return copy;
  }
  const copy = keep(Array.isArray(value) ? new Array(value.length) : value instanceof Error ? new Error(value.message) : {});
  for (const key of keys(value)) copy[key] = cloneInto(value[key], seen);
  return copy;
};
