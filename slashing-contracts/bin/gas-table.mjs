#!/usr/bin/env node
// Writes the gas tables of the READMEs, this folder's and the repository's, from snapshots/gas.json; with --check it
// compares instead.
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const gas = JSON.parse(fs.readFileSync(path.join(root, 'snapshots', 'gas.json'), 'utf8'));
const head = '| what | gas |\n|---|---|\n';

// What the repository's README shows of it.
const chosen = [
    'ed25519 verification, mean of 64', 'lane equivocation', 'double prevote', 'double precommit', 'double proposal',
    'register', 'register a rollup', 'claim', 'checkpoint, 4 signers',
    'rollup: settle a batch with two deposits and a withdrawal', 'rollup: prove a piece of a batch',
    'rollup: deposit into an open account', 'rollup: claim a withdrawal',
    'rollup: release what one leg of a bundle withdrew, the other shown to be final',
];

function update(readme, names) {
    const rows = names.map((name) => `| ${name} | ${Number(gas[name]).toLocaleString('en-US')} |\n`);
    const text = fs.readFileSync(readme, 'utf8');
    const start = text.indexOf(head) + head.length;
    const fresh = text.slice(0, start) + rows.join('') + text.slice(text.indexOf('\n\n', start - 1) + 1);
    if (!process.argv.includes('--check')) {
        fs.writeFileSync(readme, fresh);
    } else if (fresh !== text) {
        console.error(`the gas table of ${readme} is not that of snapshots/gas.json`);
        process.exitCode = 1;
    }
}

update(path.join(root, 'README.md'), Object.keys(gas));
update(path.join(root, '..', 'README.md'), chosen);
