// Compiles the contracts and writes one artefact per deployable contract, byte-identical on every run.
//   node build.mjs           write the artefacts
//   node build.mjs --check   write nothing; exit 1 if a committed artefact is not what the sources give
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const EVM_VERSION = "cancun";
const TARGETS = [
  {
    sources: "src",
    artifacts: join(root, "adapters/ledger/artifacts"),
    contracts: [
      "Alliance",
      "Anchors",
      "Calendar",
      "Catalogue",
      "ES256Verifier",
      "Grants",
      "Guarantees",
      "Openings",
      "Reservations",
      "Subjects",
      "TrustList",
      "WebAuthnVerifier",
    ],
  },
  {
    sources: "test",
    artifacts: join(root, "tests/contracts/artifacts"),
    contracts: ["ConsistencyChecker", "EvilVerifier", "FreeGuarantees", "TableReader"],
  },
];

const locate = (name) => join(here, name.startsWith("@") ? "node_modules" : "", name);

function findImport(name) {
  const path = locate(name);
  return existsSync(path) ? { contents: readFileSync(path, "utf8") } : { error: `${name} not found: run npm ci` };
}

function compile() {
  const names = TARGETS.flatMap(({ sources, contracts }) => contracts.map((name) => `${sources}/${name}.sol`));
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(names.map((name) => [name, { content: readFileSync(locate(name), "utf8") }])),
    settings: {
      evmVersion: EVM_VERSION,
      optimizer: { enabled: true, runs: 200 },
      // no metadata hash at the end of the code: it would differ with every comment
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
  for (const { formattedMessage } of output.errors ?? []) console.error(formattedMessage);
  if (output.errors?.length) throw new Error("the compiler has complaints; warnings count");
  return output.contracts;
}

function toArtifact({ abi, evm, storageLayout }) {
  return {
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    compiler: solc.version(),
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    evmVersion: EVM_VERSION,
    immutableReferences: immutableReferences(evm.deployedBytecode),
    storageLayout: storageOf(storageLayout),
  };
}

// Where each variable and each member of a struct lies, without the compiler's own numbers, which any edit moves.
function storageOf({ storage, types }) {
  const place = ({ label, slot, offset, type: id }) => {
    const { label: type, numberOfBytes } = types[id];
    return { bytes: Number(numberOfBytes), label, offset, slot: Number(slot), type };
  };
  const structs = Object.values(types ?? {}).filter(({ members }) => members);
  return {
    structs: Object.fromEntries(structs.map(({ label, members }) => [label, members.map(place)])),
    variables: storage.map(place),
  };
}

// More than one immutable, and a joining node could no longer tell what belongs at which place.
function immutableReferences({ immutableReferences: references = {} }) {
  const immutables = Object.values(references);
  if (immutables.length > 1) throw new Error("a contract has more than one immutable");
  return immutables.flat().sort((a, b) => a.start - b.start);
}

const sorted = (_, value) =>
  value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

function build() {
  const compiled = compile();
  const files = new Map();
  for (const { sources, artifacts, contracts } of TARGETS) {
    for (const name of contracts) {
      const artifact = toArtifact(compiled[`${sources}/${name}.sol`][name]);
      files.set(join(artifacts, `${name}.json`), `${JSON.stringify(artifact, sorted, 2)}\n`);
    }
  }
  return files;
}

function drift(files) {
  const changed = [...files].filter(([path, text]) => !existsSync(path) || readFileSync(path, "utf8") !== text);
  const stray = TARGETS.map(({ artifacts }) => artifacts)
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => path.endsWith(".json") && !files.has(path));
  return [...changed.map(([path]) => path), ...stray].map((path) => relative(root, path));
}

const files = build();
if (process.argv.includes("--check")) {
  const drifted = drift(files);
  if (drifted.length) {
    console.error(`not what the sources give: ${drifted.join(", ")}; run node build.mjs in contracts/`);
    process.exitCode = 1;
  }
} else {
  for (const [path, text] of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
