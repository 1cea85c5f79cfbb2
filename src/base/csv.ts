/** One line of comma-separated fields as Go's encoding/csv reads it: a field in double quotes may hold commas. */
export function splitCsv(line: string): string[] {
  if (!line.includes('"')) return line.split(",");
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] !== '"') {
      const comma = line.indexOf(",", at);
      const field = comma < 0 ? line.slice(at) : line.slice(at, comma);
      if (field.includes('"'))
        throw new Error(`parse error on line 1, column ${at + field.indexOf('"') + 1}: bare " in non-quoted-field`);
      fields.push(field);
      if (comma < 0) return fields;
      at = comma + 1;
      continue;
    }
    const quoted = /^"((?:[^"]|"")*)"(,|$)/.exec(line.slice(at));
    if (quoted === null) throw new Error('parse error on line 1, column 1: extraneous or missing " in quoted-field');
    fields.push((quoted[1] ?? "").replaceAll('""', '"'));
    if (quoted[2] !== ",") return fields;
    at += quoted[0].length;
  }
}
