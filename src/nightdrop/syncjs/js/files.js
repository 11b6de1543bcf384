const dataOf = (value) => {
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes;
  const text = acceptText(value);
  return text === undefined ? undefined : utf8Encode(text);
};

const argumentOf = {
  string: acceptText,
  '"hex" | "base64"': acceptText,
  number: (value) => {
    const number = acceptors.number(value);
    return Number.isSafeInteger(number) ? number : undefined;
  },
  Uint8Array: (value) => bytesOf(value)?.toBase64(),
  "string | Uint8Array": (value) => dataOf(value)?.toBase64(),
  "string | string[]": acceptors["string | string[]"],
};

const resultAs = {
  "Uint8Array | null": (base64) => Uint8Array.fromBase64(base64),
  "DirListItem[] | null": (items) => items.map(dated),
};

const fileFunction = ({ name, op, parameters, returns, fails }) => function (...values) {
  const accepted = [];
  for (let i = 0; i < parameters.length; i++) {
    const [parameter, type, standard] = parameters[i];
    const value = values[i] === undefined && standard !== null ? standard : argumentOf[type](values[i]);
    if (value === undefined) {
      writeLog("error", [`${name}: ${parameter} must be of type ${type}`]);
      return fails;
    }
    accepted.push(value);
  }
  let answer;
  try {
    answer = call(op, accepted);
  } catch (error) {
    writeLog("error", [`${name}: ${error.message}`]);
    return fails;
  }
  if (answer === null) return fails;
  return resultAs[returns] === undefined ? answer : resultAs[returns](answer);
};

const decodeBase64 = (name, text) => {
  const wanted = acceptText(text);
  try {
    return Uint8Array.fromBase64(wanted.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    writeLog("error", [`${name}: this is not Base64`]);
    return null;
  }
};

const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const DATE_PARTS = /'((?:[^']|'')*)'|yyyy|yy|MMMM|MMM|MM|M|dddd|ddd|dd|d|HH|H|hh|h|tt|mm|m|ss|s|fff|zzz/g;

const two = (number) => String(number).padStart(2, "0");
const offsetText = (minutes) => `${minutes < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;

const dateParts = (date, utc) => {
  const get = (part) => date[`get${utc ? "UTC" : ""}${part}`]();
  const [year, month, day, weekday] = [get("FullYear"), get("Month"), get("Date"), get("Day")];
  const [hours, minutes, seconds] = [get("Hours"), get("Minutes"), get("Seconds")];
  const short = hours % 12 === 0 ? 12 : hours % 12;
  return {
    yyyy: String(year).padStart(4, "0"), yy: two(year % 100),
    MMMM: MONTHS[month], MMM: MONTHS[month].slice(0, 3), MM: two(month + 1), M: String(month + 1),
    dddd: DAYS[weekday], ddd: DAYS[weekday].slice(0, 3), dd: two(day), d: String(day),
    HH: two(hours), H: String(hours), hh: two(short), h: String(short), tt: hours < 12 ? "AM" : "PM",
    mm: two(minutes), m: String(minutes), ss: two(seconds), s: String(seconds),
    fff: String(get("Milliseconds")).padStart(3, "0"), zzz: offsetText(utc ? 0 : -date.getTimezoneOffset()),
  };
};

Object.assign(functions, {
  Base64Encode(data, urlSafe) {
    const bytes = dataOf(data);
    if (bytes === undefined) {
      writeLog("error", ["Base64Encode: data must be of type string | Uint8Array"]);
      return "";
    }
    return urlSafe ? bytes.toBase64({ alphabet: "base64url", omitPadding: true }) : bytes.toBase64();
  },
  Base64Decode(text) {
    const bytes = decodeBase64("Base64Decode", text);
    return bytes === null ? "" : utf8Decode(bytes, false);
  },
  Base64DecodeBytes(text) {
    return decodeBase64("Base64DecodeBytes", text);
  },
  FormatDateTime(format, date, utc) {
    const wanted = acceptText(format);
    const when = date === undefined || date === null ? new Date() : new Date(date);
    if (wanted === undefined || Number.isNaN(when.getTime())) {
      writeLog("error", [`FormatDateTime: ${wanted === undefined ? "format must be of type string" : "date is not a date"}`]);
      return "";
    }
    const parts = dateParts(when, utc);
    return wanted.replace(DATE_PARTS, (found, quoted) => (quoted === undefined ? parts[found] : quoted.replaceAll("''", "'")));
  },
  UUID() {
    return call("uuid", []);
  },
});
for (const entry of table.calls) functions[entry.name] = fileFunction(entry);
