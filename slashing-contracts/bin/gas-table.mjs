#!/usr/bin/env node
// Writes the gas table of README.md from snapshots/gas.json; with --check it compares instead.
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const readme = path.join(root, 'README.md');
const gas = JSON.parse(fs.readFileSync(path.join(root, 'snapshots', 'gas.json'), 'utf8'));
const head = '| what | gas |\n|---|---|\n';

const rows = Object.entries(gas).map(([name, used]) => `| ${name} | ${Number(used).toLocaleString('en-US')} |\n`);
const text = fs.readFileSync(readme, 'utf8');
const start = text.indexOf(head) + head.length;
const fresh = text.slice(0, start) + rows.join('') + text.slice(text.indexOf('\n\n', start - 1) + 1);

if (process.argv.includes('--check')) {
    if (fresh !== text) {
        console.error('the gas table of README.md is not that of snapshots/gas.json');
        process.exitCode = 1;
    }
} else {
    fs.writeFileSync(readme, fresh);
}
