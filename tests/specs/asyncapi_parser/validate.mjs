// Reads the AsyncAPI document that is named: prints what its parser found as JSON, and exits 0 where that was nothing bad.
import { Parser, fromFile } from "@asyncapi/parser";

const ERROR = 0;
const WARNING = 1;
const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
const found = diagnostics.filter(({ severity }) => severity === ERROR || severity === WARNING);
const flaws = found.map(({ code, message, path }) => ({ code, message, path: path.join("/") }));
const operations = document?.operations().all().map((operation) => operation.id()) ?? [];
console.log(JSON.stringify({ flaws, operations }));
process.exitCode = document !== undefined && flaws.length === 0 ? 0 : 1;
