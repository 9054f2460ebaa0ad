import { EngineError, ErrorCode } from "#errors";
import { checkCaches, exportCaches } from "../caches/exportCaches.ts";
import type { ExportRequest } from "../request.ts";
import { archiveExport } from "./archiveExport.ts";
import type { Exporter } from "./exporter.ts";
import type { ExporterRooms } from "./exporterRooms.ts";
import { readImageOptions } from "./imageOptions.ts";
import { mobyExport } from "./mobyExport.ts";
import type { OneExport } from "./oneExport.ts";
import { localExport, tarExport } from "./treeExport.ts";

/** See `Exporter`. */
export function createExporter(rooms: ExporterRooms): Exporter {
  return {
    async export(job) {
      const exports = job.request.exports.map((request, index) => readExport(request, index));
      checkCaches(job);
      const response: Record<string, string> = {};
      for (const one of exports) Object.assign(response, await one.run(rooms, job));
      return { ...response, ...(await exportCaches(rooms, job)) };
    },
  };
}

function readExport(request: ExportRequest, index: number): OneExport {
  const { type, attributes } = request;
  switch (type) {
    case "moby":
    case "image":
      return mobyExport(readImageOptions(attributes));
    case "docker":
    case "oci":
      return archiveExport(type, attributes, index);
    case "local":
      return localExport(request, index);
    case "tar":
      return tarExport(request, index);
    case "cacheonly":
      return { run: () => Promise.resolve({}) };
    default: {
      const message = `exporter ${JSON.stringify(type)} could not be found`;
      throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
    }
  }
}
