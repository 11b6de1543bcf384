const watchers = new WeakMap();
const listeners = new Map();
let watcherCount = 0;
let listening = false;

const masksOf = (value) => (Array.isArray(value) ? value : [value]).map(acceptText).filter((mask) => mask);
const stamped = (event) => ({ ...event, TimeStamp: new Date(event.TimeStamp) });

const tell = (batches) => {
  listening = true;
  try {
    for (const [id, events] of batches) {
      // It may stop itself, or another one, in the middle.
      for (const event of events) listeners.get(id)?.(stamped(event));
    }
  } finally {
    listening = false;
  }
};

// Returns whether the run is to end. A function at work waits without others being called: they would find it half done.
const waitFor = (ms, untilHalt) => {
  let left = ms;
  for (;;) {
    const ids = listening ? [] : [...listeners.keys()];
    const answer = call("wait", [left, ids, untilHalt]);
    tell(answer.events);
    if (answer.over) return answer.halt;
    left = answer.left;
  }
};

const startWatcher = (state, object, callback) => {
  if (state.dirs.length === 0) {
    writeLog("error", ["FsWatcher.Start: no directory was given with WatchDir"]);
    return false;
  }
  if (callback !== undefined && callback !== null && typeof callback !== "function") {
    writeLog("error", ["FsWatcher.Start: callback must be a function"]);
    return false;
  }
  const delay = acceptors.number(object.DelayBySeconds) ?? 0;
  const spec = {
    dirs: state.dirs, include: masksOf(object.InclusionFilter), exclude: masksOf(object.ExclusionFilter), delay,
  };
  if (!call("watch.start", [state.id, spec])) return false;
  if (callback) listeners.set(state.id, callback);
  else listeners.delete(state.id);
  return true;
};

const watcherMethods = {
  WatchDir(dir, recursive) {
    const path = acceptText(dir);
    if (path === undefined) writeLog("error", ["FsWatcher.WatchDir: dir must be of type string"]);
    else stateOf(watchers, this, "FsWatcher").dirs.push([path, Boolean(recursive)]);
    return this;
  },
  Start(callback) {
    return startWatcher(stateOf(watchers, this, "FsWatcher"), this, callback);
  },
  Events() {
    const { id } = stateOf(watchers, this, "FsWatcher");
    return listeners.has(id) ? [] : call("watch.events", [id]).map(stamped);
  },
  Stop() {
    const { id } = stateOf(watchers, this, "FsWatcher");
    listeners.delete(id);
    return call("watch.stop", [id]);
  },
};

const watcherClass = (spec) => {
  const type = class {
    constructor() {
      watcherCount += 1;
      withFields(this, spec.fields);
      watchers.set(this, { id: watcherCount, dirs: [] });
    }
  };
  return finishedClass(type, spec, watcherMethods);
};

const timeOf = (name, value) => {
  const wanted = Number(value);
  if (wanted >= 0) return Math.min(wanted, 1e12);
  writeLog("warn", [`${name}: the time must be a number of milliseconds, 0 or more`]);
  return null;
};

Object.assign(functions, {
  Sleep(ms) {
    const time = timeOf("Sleep", ms);
    if (time === null) return;
    if (listeners.size === 0 || listening) call("sleep", [time]);
    else waitFor(time, false);
  },
  WaitForHaltSignal(ms) {
    const time = ms === undefined || ms === null ? 1e12 : timeOf("WaitForHaltSignal", ms);
    return time === null ? false : waitFor(time, true);
  },
});

defineProperty(globalThis, "HaltSignalReceived", {
  configurable: true,
  enumerable: false,
  get: () => call("halted", []),
  // Older scripts declare it; a script's own variable wins.
  set: (value) => install("HaltSignalReceived", value),
});
