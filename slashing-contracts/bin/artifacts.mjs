#!/usr/bin/env node
// Writes artifacts/<contract>.json, {abi, bytecode} of every contract that Rust code creates, from forge's out/.
// With --check it compares instead, and fails where a fresh build differs.
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const contracts = [
    'BundleEscrow',
    'DevToken',
    'Ed25519Verifier',
    'EvidenceVerifier',
    'Groth16Verifier',
    'KeyVerifier',
    'RollupRegistry',
    'SequencerLightClient',
    'SlashingManager',
    'StakeManager',
    'ZkRollupSettlement',
];

function built(name) {
    const {abi, bytecode} = JSON.parse(fs.readFileSync(path.join(root, 'out', `${name}.sol`, `${name}.json`), 'utf8'));
    if (Object.keys(bytecode.linkReferences).length > 0) throw new Error(`${name} is not linked`);
    return JSON.stringify({abi, bytecode: bytecode.object}, null, 1) + '\n';
}

const folder = path.join(root, 'artifacts');
const check = process.argv.includes('--check');
fs.mkdirSync(folder, {recursive: true});

const stale = contracts.filter((name) => {
    const file = path.join(folder, `${name}.json`);
    const text = built(name);
    if (check) return !fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text;
    fs.writeFileSync(file, text);
    return false;
});
const unknown = fs.readdirSync(folder).filter((file) => !contracts.includes(path.basename(file, '.json')));

if (stale.length + unknown.length > 0) {
    console.error(`artifacts/ differs from a fresh build: ${[...stale, ...unknown].join(', ')}`);
    process.exitCode = 1;
} else {
    console.log(`artifacts/: ${contracts.length} contracts ${check ? 'match a fresh build' : 'written'}`);
}
