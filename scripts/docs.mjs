// Writes the generated tables of the README from the code: npm run docs. A test says when they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { familiesTable, fillBlock, settingsTable } from './tables.mjs';

const { families } = await import('../dist/families/index.js');
const config = await import('../dist/config.js');
let readme = readFileSync('README.md', 'utf8');
readme = fillBlock(readme, 'families', familiesTable(families));
readme = fillBlock(readme, 'settings', settingsTable(config));
writeFileSync('README.md', readme);
