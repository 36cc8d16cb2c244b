// One workload: asks every engine for all requests, then times those that gave
// the expected decisions, in rounds in which they take turns. Run by "run".
//
//   node measure.js WORK DATABASE TITLE OUTPUT [ROUNDS]
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { Client } = require('pg');
const { World } = require('./world.js');

const ENGINES = ['handwritten', 'casl', 'casbin', 'cedar', 'cerbos'];
const [work, database, title, output, rounds = '7'] = process.argv.slice(2);
const ROUNDS = Number(rounds);
const LONG_ENOUGH = 150;        // ms of one measurement, at least
const FEWEST = 30;              // requests in one, however slow the engine is
const ROWS = 200000;            // of the table that the fast functions scan

// "run" ends this process by it, and removes the directory.
fs.writeFileSync(path.join(work, 'pid'), String(process.pid));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

// What is asked in the server: a function, the rows it is asked about, and how
// often in a measurement.
const FUNCTIONS = [
    { name: 'row scan + `jsonb_exists` (the floor)', call: "jsonb_exists(ctx, 'x')", table: 'bench_requests', times: 5, floor: true },
    { name: 'abac', call: 'abac_check(user_id, action, resource, ctx)', table: 'bench_requests', times: 1 },
    { name: 'PL/pgSQL, the obvious way', call: 'obvious.decide(user_id, action, resource, ctx)', table: 'bench_distinct', times: 1 },
];

function inServer(client, { name, call, table, times, floor }, distinct) {
    const sql = `SELECT count(*) FROM ${table} WHERE ${call}`;
    return {
        name, floor,
        async differences() {
            if (floor) return [];
            const { rows } = await client.query(`SELECT id, user_id, action, resource, ctx, expected, ${call} AS decision
                FROM bench_distinct WHERE ${call} IS DISTINCT FROM expected ORDER BY id LIMIT 3`);
            return rows;
        },
        warm: () => client.query(sql),
        async measure() {
            const start = performance.now();
            for (let i = 0; i < times; i++) await client.query(sql);
            return (performance.now() - start) * 1000 / (times * (table === 'bench_distinct' ? distinct : ROWS));
        },
    };
}

// Requests evenly spread over all, as many as fit.
function some(list, wanted) {
    const number = Math.max(1, Math.min(list.length, Math.ceil(wanted)));
    return Array.from({ length: number }, (_, i) => list[Math.floor(i * list.length / number)]);
}

// An engine in this process, or beyond a connection.
function inProcess({ name, check, batches, checkAll }, requests) {
    const units = batches || requests;
    const ask = checkAll || check;
    let sample, passes;
    return {
        name,
        async differences() {
            const found = [];
            for (const unit of units) {
                const answers = [].concat(await ask(unit));
                [].concat(unit).forEach((request, i) => {
                    if (answers[i] !== request.expected && found.length < 3) found.push({ ...request, decision: answers[i] });
                });
            }
            return found;
        },
        async warm() {
            for (let start = performance.now(), i = 0; performance.now() - start < 5 * LONG_ENOUGH; i = (i + 1) % units.length) {
                const answer = ask(units[i]);
                if (answer instanceof Promise) await answer;
            }
            const start = performance.now();
            const few = some(units, FEWEST);
            for (const unit of few) {
                const answer = ask(unit);
                if (answer instanceof Promise) await answer;
            }
            const each = (performance.now() - start) / few.length;
            sample = some(units, Math.max(FEWEST, LONG_ENOUGH / each));
            passes = Math.max(1, Math.ceil(LONG_ENOUGH / (each * sample.length)));
        },
        async measure() {
            let allowed = 0;
            const start = performance.now();
            if (checkAll) for (let i = 0; i < passes; i++) for (const unit of sample) allowed += (await ask(unit)).length;
            else if (check.constructor.name === 'AsyncFunction') for (let i = 0; i < passes; i++) for (const unit of sample) allowed += await ask(unit);
            else for (let i = 0; i < passes; i++) for (const unit of sample) allowed += ask(unit);
            const time = performance.now() - start;
            if (allowed < 0) throw new Error('never');          // the answers are used
            return time * 1000 / (passes * sample.length * (batches ? batches[0].length : 1));
        },
    };
}

async function main() {
    const client = new Client({ database, options: '-c jit=off -c max_parallel_workers_per_gather=0' });
    await client.connect();
    const world = new World((await client.query('SELECT tables FROM bench_export')).rows[0].tables);
    const { rows } = await client.query('SELECT * FROM bench_distinct ORDER BY md5(id::text)');
    const requests = rows.map(row => world.prepare(row));
    await client.query(`CREATE TABLE bench_requests AS SELECT d.* FROM bench_distinct d, generate_series(1, ${Math.ceil(ROWS / rows.length)}) n
        ORDER BY n, md5(d.id::text) LIMIT ${ROWS}`);
    await client.query('VACUUM ANALYZE');

    const engines = FUNCTIONS.map(f => inServer(client, f, rows.length));
    const built = [];
    for (const name of ENGINES) {
        const engine = require(`./${name}.js`);
        const made = await engine.build(world, { requests, work });
        built.push(made);
        for (const variant of made.variants || [{ name: engine.name, check: made.check }]) engines.push(inProcess(variant, requests));
    }

    const result = {
        title, statements: world.statements.length, requests: requests.length, users: new Set(requests.map(r => r.user)).size,
        allowed: requests.filter(r => r.expected).length, rounds: ROUNDS, engines: [], differing: [],
    };
    const timed = [];
    for (const engine of engines) {
        const differences = await engine.differences();
        if (differences.length === 0) {
            timed.push(engine);
            continue;
        }
        result.differing.push(engine.name);
        console.log(`${engine.name} isn't timed, it differs:`);
        for (const d of differences) console.log('  ' + JSON.stringify(d));
    }
    for (const engine of timed) await engine.warm();
    const samples = new Map(timed.map(e => [e.name, []]));
    for (let round = 0; round < ROUNDS; round++)
        for (let i = 0; i < timed.length; i++) {
            const engine = timed[(i + round) % timed.length];
            samples.get(engine.name).push(await engine.measure());
        }
    result.engines = timed.map(e => ({ name: e.name, floor: !!e.floor, samples: samples.get(e.name) }));
    for (const made of built) if (made.close) await made.close();
    await client.end();
    fs.writeFileSync(output, JSON.stringify(result));
    fs.unlinkSync(path.join(work, 'pid'));
}

main().catch(error => {
    console.error(error);
    process.exit(1);
});
