export { runProgram } from "./core/program.ts";
