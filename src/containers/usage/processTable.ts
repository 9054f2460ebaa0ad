import { EngineError, ErrorCode } from "#errors";
import type { ProcessList } from "./usageService.ts";

const failed = (message: string): EngineError => new EngineError("internal", ErrorCode.INTERNAL, message);

/** `-o pid=x` would rename the column that tells which rows are the container's. @throws {internal} in Docker's words */
export function parsePsArguments(text: string): readonly string[] {
  const args = text.split(/\s+/).filter((argument) => argument !== "");
  for (const argument of args) {
    const [, key, value] = /(?:^|,|\s)\s*(?:-?o\s*)?(pid)=(\S*)/i.exec(argument) ?? [];
    if (key !== undefined) throw failed(`specifying "${key.toUpperCase()}=${value ?? ""}" is not allowed`);
  }
  return args;
}

/**
 * The rows of ps's output that belong to a container, by the PID column wherever it stands. The last column takes the
 * rest of its line; rows of threads (`-` for a PID) go with the process above them. @throws {internal} in Docker's words
 */
export function parsePsOutput(output: string, pids: ReadonlySet<number>): ProcessList {
  const [head = "", ...lines] = output.split("\n");
  const titles = head.split(/\s+/).filter((title) => title !== "");
  const pidColumn = titles.indexOf("PID");
  if (pidColumn < 0) throw failed("Couldn't find PID field in ps output");
  const rows: string[][] = [];
  let isOurs = false;
  for (const line of lines) {
    const fields = line.split(/[\t\v\f\r ]+/).filter((field) => field !== "");
    if (fields.length === 0) continue;
    const pid = fields[pidColumn] ?? "";
    if (pid !== "-") {
      if (!/^\d+$/.test(pid)) throw failed(`Unexpected pid '${pid}': strconv.Atoi: parsing "${pid}": invalid syntax`);
      isOurs = pids.has(Number(pid));
    }
    if (!isOurs) continue;
    const last = titles.length - 1;
    rows.push([...fields.slice(0, last), fields.slice(last).join(" ")]);
  }
  return { Processes: rows.length === 0 ? null : rows, Titles: titles };
}
