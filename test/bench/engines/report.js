// What measure.js found, as tables in Markdown on standard output, and as a
// plot.
//
//   node report.js PLOT RESULT...     PLOT is a file's name, or "-" for none
'use strict';

const fs = require('node:fs');

const [plot, ...files] = process.argv.slice(2);
const results = files.map(f => JSON.parse(fs.readFileSync(f, 'utf8')));
const names = [...new Set(results.flatMap(r => r.engines.map(e => e.name)))];

const median = list => {
    const sorted = [...list].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const show = n => n >= 10000 ? Math.round(n / 100) * 100 + '' : n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n >= 1 ? n.toFixed(2) : n.toFixed(3);
const thousands = text => text.replace(/^\d+/, digits => digits.replace(/(\d)(?=(\d{3})+$)/g, '$1,'));
const number = n => thousands(show(n));
const row = cells => '| ' + cells.join(' | ') + ' |';
const find = (result, name) => result.engines.find(e => e.name === name);
// the rounds' ratios, not the ratio of the medians
const ratios = (result, engine, to) => engine.samples.map((s, i) => s / to.samples[i]);

function tables() {
    const lines = ['Median µs per check:', '', row(['', ...results.map(r => r.title)]), row(['---', ...results.map(() => '--:')])];
    for (const name of names)
        lines.push(row([name, ...results.map(r => find(r, name) ? number(median(find(r, name).samples)) : 'differs')]));
    for (const result of results) {
        const floor = result.engines.find(e => e.floor);
        const abac = find(result, 'abac');
        lines.push('', `**${result.title}**: ${result.statements} statements; ${result.requests} requests of ${result.users} users, ${result.allowed} allowed; ${result.rounds} rounds.`, '');
        lines.push(row(['', 'median µs', 'least – most', 'times the floor', 'times abac']), row(['---', '--:', '--:', '--:', '--:']));
        for (const engine of result.engines)
            lines.push(row([
                engine.name, number(median(engine.samples)), number(Math.min(...engine.samples)) + ' – ' + number(Math.max(...engine.samples)),
                number(median(ratios(result, engine, floor))), abac ? number(median(ratios(result, engine, abac))) : '',
            ]));
        for (const name of result.differing) lines.push(row([name, 'differs', '', '', '']));
    }
    return lines.join('\n');
}

// A row per engine, a mark per workload, on a logarithmic scale.
function svg() {
    const colours = ['#1b6ca8', '#7fb069', '#e6a23c', '#c0392b'];
    const left = 270, width = 560, top = 64, step = 30;
    const all = results.flatMap(r => r.engines.flatMap(e => e.samples));
    const low = Math.floor(Math.log10(Math.min(...all))), high = Math.ceil(Math.log10(Math.max(...all)));
    const x = value => (left + (Math.log10(value) - low) / (high - low) * width).toFixed(1);
    const bottom = top + names.length * step;
    const text = t => t.replace(/`/g, '').replace(/&/g, '&amp;').replace(/</g, '&lt;');
    const out = [
        `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 40} ${bottom + 48}" font-family="sans-serif" font-size="13">`,
        '<title>Microseconds per check of each engine and workload, on a logarithmic scale</title>',
        `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ];
    results.forEach((r, i) => {
        out.push(`<circle cx="${left + i * 140}" cy="24" r="5" fill="${colours[i % colours.length]}"/>`,
            `<text x="${left + i * 140 + 10}" y="28" fill="#222222">${text(r.title)}</text>`);
    });
    for (let e = low; e <= high; e++) {
        out.push(`<line x1="${x(10 ** e)}" y1="${top - 16}" x2="${x(10 ** e)}" y2="${bottom}" stroke="#dddddd"/>`,
            `<text x="${x(10 ** e)}" y="${bottom + 18}" text-anchor="middle" fill="#444444">${thousands(String(e < 0 ? (10 ** e).toFixed(-e) : 10 ** e))}</text>`);
    }
    out.push(`<text x="${left + width / 2}" y="${bottom + 38}" text-anchor="middle" fill="#444444">µs per check, median and range of the rounds</text>`);
    names.forEach((name, n) => {
        const y = top + n * step;
        out.push(`<text x="${left - 16}" y="${y + 4}" text-anchor="end" fill="#222222">${text(name)}</text>`);
        results.forEach((r, i) => {
            const engine = find(r, name);
            if (!engine) return;
            const at = y + (i - (results.length - 1) / 2) * 5;
            const colour = colours[i % colours.length];
            out.push(`<line x1="${x(Math.min(...engine.samples))}" y1="${at}" x2="${x(Math.max(...engine.samples))}" y2="${at}" stroke="${colour}" stroke-width="2"/>`,
                `<circle cx="${x(median(engine.samples))}" cy="${at}" r="4" fill="${colour}"/>`);
        });
    });
    out.push('</svg>');
    return out.join('\n') + '\n';
}

console.log(tables());
if (plot !== '-') fs.writeFileSync(plot, svg());
process.exitCode = results.some(r => r.differing.length > 0) ? 1 : 0;
