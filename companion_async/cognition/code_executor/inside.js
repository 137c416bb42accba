// Runs inside the sandbox: the program, and then a line that tells the value of its last expression. In a function, as
// the program shares the global scope with it and may use every name.
(() => {
  "use strict";
  const [mark, path] = process.argv.slice(1);
  const fs = require("fs");

  const told = (value) => {
    try {
      const text = JSON.stringify(value);
      if (text !== undefined && text.length <= 65536) return `{"value": ${text}}`;
    } catch {}
    return JSON.stringify({ text: String(value).slice(0, 16384) });
  };
  const failed = (error) => {
    fs.writeSync(2, `${(error && error.stack) || error}\n`);
    process.exitCode = 1;
  };

  globalThis.require = require;
  process.argv = [process.argv[0], path];
  let value;
  try {
    value = require("vm").runInThisContext(fs.readFileSync(path, "utf8"), { filename: path });
  } catch (error) {
    failed(error);
  }
  Promise.resolve(value).then((settled) => {
    if (settled !== undefined && settled !== null) {
      process.on("exit", () => fs.writeSync(2, `\n${mark}${told(settled)}\n`));
    }
  }, failed);
})();
