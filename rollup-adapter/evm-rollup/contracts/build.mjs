#!/usr/bin/env node
// Writes {abi, bytecode} of each contract, as Tally.json of Tally.sol, with the compiler of slashing-contracts (`npm ci` there).
// With --check it compares instead, and fails where a fresh build differs.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(here, '../../../slashing-contracts/package.json'));
const compiler = require('solc/wrapper')(require('solc/soljson.js'));

const contracts = ['HashLock', 'Tally'];
const source = (name) => [`${name}.sol`, {content: fs.readFileSync(path.join(here, `${name}.sol`), 'utf8')}];

const input = {
    language: 'Solidity',
    sources: Object.fromEntries(contracts.map(source)),
    settings: {
        evmVersion: 'prague',
        optimizer: {enabled: true, runs: 200},
        metadata: {appendCBOR: false, bytecodeHash: 'none'},
        outputSelection: {'*': {'*': ['abi', 'evm.bytecode.object']}},
    },
};
const output = JSON.parse(compiler.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter(({severity}) => severity === 'error');
if (errors.length > 0) {
    console.error(errors.map(({formattedMessage}) => formattedMessage).join('\n'));
    process.exit(1);
}

for (const name of contracts) {
    const {abi, evm} = output.contracts[`${name}.sol`][name];
    const text = JSON.stringify({abi, bytecode: `0x${evm.bytecode.object}`}, null, 1) + '\n';
    const file = path.join(here, `${name}.json`);
    if (!process.argv.includes('--check')) {
        fs.writeFileSync(file, text);
    } else if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text) {
        console.error(`${name}.json differs from a fresh build of ${name}.sol: run contracts/build.mjs`);
        process.exitCode = 1;
    }
}
