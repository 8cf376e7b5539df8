// Resources of the Prometheus operator on standard input, held against its own schemas: values by the validators made from
// its CRDs, unknown keys by the types made from them, since a cluster drops what it does not know without a word.
//
// usage: node judge.mjs FOLDER < RESOURCES.yml      (writes a TypeScript file per resource into FOLDER for tsc)
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import * as v1 from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const folder = process.argv[2];
const documents = parseAllDocuments(readFileSync(0, "utf8"));
let wrong = documents.length === 0;
for (const [place, document] of documents.entries()) {
  const resource = document.toJS();
  const { apiVersion, kind } = resource;
  const Model = v1[kind];
  if (document.errors.length > 0 || apiVersion !== "monitoring.coreos.com/v1" || Model === undefined) {
    console.error(`document ${place}: no resource of the operator's: ${apiVersion} ${kind}`, document.errors);
    wrong = true;
    continue;
  }
  try {
    new Model(resource).validate();
  } catch (error) {
    console.error(`${kind}: ${error.message}`);
    wrong = true;
  }
  const from = "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
  const text = `import type { I${kind} } from "${from}/${kind}";\nexport const resource = ${JSON.stringify(resource)} satisfies I${kind};\n`;
  writeFileSync(join(folder, `${place}-${kind}.ts`), text);
}
process.exit(wrong ? 1 : 0);
