"use strict";
// The search language of trials over the cells of a table: k:>=3 accuracy>0.9 OR (status:failed -gb).
const trialFilter = (line, columns) => {
  const TOKEN = /\s*(?:(\()|(\))|(-(?=\S))|((?:"(?:[^"\\]|\\.)*"|[^\s"()])+))/y;
  const tokens = [];
  while (TOKEN.lastIndex < line.length) {
    const found = TOKEN.exec(line);
    if (!found) break;
    tokens.push(found[1] || found[2] || found[3] || found[4]);
  }
  let at = 0;
  const unknown = [];
  const plain = (text) => text.replace(/^"(.*)"$/s, "$1").replace(/\\(.)/g, "$1").toLowerCase();
  const isNumber = (text) => text.trim() !== "" && Number.isFinite(Number(text));
  const ordered = (cell, bound) => {
    if (isNumber(bound)) return typeof cell.value === "number" ? cell.value - Number(bound) : NaN;
    return cell.text === "" ? NaN : cell.text.localeCompare(bound);
  };
  const TESTS = {
    ">=": (order) => order >= 0,
    "<=": (order) => order <= 0,
    ">": (order) => order > 0,
    "<": (order) => order < 0,
  };
  const alternative = (written) => {
    const compared = /^(>=|<=|>|<)(.+)$/s.exec(written);
    if (compared) return (cell) => TESTS[compared[1]](ordered(cell, plain(compared[2])));
    const range = /^([^"]*)\.\.([^"]*)$/.exec(written);
    if (range && range[1] + range[2]) {
      return (cell) =>
        (!range[1] || ordered(cell, plain(range[1])) >= 0) && (!range[2] || ordered(cell, plain(range[2])) <= 0);
    }
    const wanted = plain(written.replace(/^=/, ""));
    if (wanted.includes("*")) {
      const shape = wanted.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
      const regex = new RegExp(`^${shape.join(".*")}$`, "s");
      return (cell) => cell.text !== "" && regex.test(cell.text);
    }
    return (cell) => cell.text === wanted || (isNumber(wanted) && cell.value === Number(wanted));
  };
  const condition = (key, sign, value) => {
    const name = plain(key.replace(/^@/, ""));
    if (name === "has" || name === "no") return condition(value, name, "");
    if (!(name in columns)) {
      unknown.push(name);
      return () => false;
    }
    const column = columns[name];
    if (sign === "has") return (cells) => column(cells).text !== "";
    if (sign === "no") return (cells) => column(cells).text === "";
    const written = (sign === ":" || sign.startsWith("=") || sign === "!=" ? "" : sign) + value;
    const tests = (written.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) || [""]).map(alternative);
    const isNot = sign === "!=";
    return (cells) => tests.some((test) => test(column(cells))) !== isNot;
  };
  const single = (token) => {
    const found = /^(@?(?:"(?:[^"\\]|\\.)*"|[^\s":=<>!])+)(:|==?|!=|>=|<=|>|<)(.*)$/s.exec(token);
    if (found && (found[3] || found[2] !== ":")) return condition(found[1], found[2], found[3]);
    const word = plain(token.replace(/:$/, ""));
    return (cells) => cells.some((cell) => cell.text.includes(word));
  };
  const item = () => {
    const token = tokens[at++];
    if (token === "-" || token === "NOT") {
      if (at >= tokens.length) return () => true;
      const inner = item();
      return (cells) => !inner(cells);
    }
    if (token === "(") {
      const inner = alternatives();
      if (tokens[at] === ")") at += 1;
      return inner;
    }
    return token === ")" || token === "*" ? () => true : single(token);
  };
  const alternatives = () => {
    const groups = [[]];
    while (at < tokens.length && tokens[at] !== ")") {
      if (/^or$/i.test(tokens[at])) {
        groups.push([]);
        at += 1;
      } else if (/^and$/i.test(tokens[at])) at += 1;
      else groups[groups.length - 1].push(item());
    }
    const told = groups.filter((group) => group.length);
    return (cells) => !told.length || told.some((group) => group.every((test) => test(cells)));
  };
  const tests = [];
  while (at < tokens.length) {
    tests.push(alternatives());
    if (tokens[at] === ")") at += 1;
  }
  return { fits: (cells) => tests.every((test) => test(cells)), unknown };
};
