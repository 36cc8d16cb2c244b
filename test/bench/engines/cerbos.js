// Cerbos: a server of its own, asked over HTTP on loopback. The groups of a
// user are sent as roles. What allows is a rule of a resource policy. There, an
// allow through one role wins over a deny through another, so what denies goes
// into a principal policy per user and scope, which is made from the user's
// groups and wins over all resource policies; an allow of a higher rank becomes
// an exception to it.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');

const BATCH = 50;               // resources in one request, the server's limit
const COMPARE = { eq: '==', lt: '<', lte: '<=', gt: '>', gte: '>=' };

const literal = value => Array.isArray(value) ? '[' + value.map(literal).join(', ') + ']' :
    Number.isInteger(value) ? value + '.0' : JSON.stringify(value);

function operand(o) {
    if (o.root === undefined) return literal(o.value);
    return (o.root === 'user' ? 'P.attr.' : `R.attr.${o.root}.`) + o.path.join('.');
}

function expression(cond, role) {
    const inner = c => expression(c, role);
    if (typeof cond === 'boolean') return String(cond);
    if (cond.and) return '(' + cond.and.map(inner).join(' && ') + ')';
    if (cond.or) return '(' + cond.or.map(inner).join(' || ') + ')';
    if (cond.not) return '!(' + inner(cond.not) + ')';
    if (cond.group) return `${JSON.stringify(role(cond.group))} in P.roles`;
    if (cond.target) {
        const { type, actions } = cond.target;
        return ['true', ...(type === null ? [] : [`R.attr.resource.type == ${JSON.stringify(type)}`]),
            ...(actions === null ? [] : [`R.attr.context.action in ${literal(actions)}`])].join(' && ');
    }
    if (cond.has) return '(' + cond.has.path.map((_, i) => `has(${operand({ ...cond.has, path: cond.has.path.slice(0, i + 1) })})`).join(' && ') + ')';
    const a = operand(cond.left), b = operand(cond.right);
    const text = COMPARE[cond.op] ? `${a} ${COMPARE[cond.op]} ${b}` :
        cond.op === 'between' ? `${a} >= ${literal(cond.right.value[0])} && ${a} <= ${literal(cond.right.value[1])}` :
        cond.op === 'in' ? `${a} in ${b}` :
        cond.op === 'contains' ? `${b} in ${a}` :
        cond.op === 'is_superset' ? `${b}.isSubset(${a})` :
        cond.op === 'starts_with' ? `${a}.startsWith(${b})` :
        cond.op === 'in_cidr' ? cond.right.value.map(n => `${a}.inIPAddrRange(${JSON.stringify(n)})`).join(' || ') : null;
    if (text === null) throw new Error('no operator ' + cond.op);
    return cond.negate ? `!(${text})` : `(${text})`;
}

const match = text => text === 'true' ? {} : { condition: { match: { expr: text } } };
const principalId = key => key.replace(/[^0-9A-Za-z]/g, '_');

function policies(world, requests, role) {
    const expr = c => expression(c, role);
    const types = new Set([...world.statements.map(s => s.type).filter(t => t !== null), ...requests.map(r => r.type)]);
    const files = [...types].map(type => ({
        apiVersion: 'api.cerbos.dev/v1',
        resourcePolicy: {
            resource: type, version: 'default',
            rules: world.statements.filter(s => s.effect === 'allow' && (s.type === null || s.type === type)).map(s => ({
                actions: s.actions || ['*'], effect: 'EFFECT_ALLOW', roles: [role(s.group)], ...match(expr(s.cond)),
            })),
        },
    }));
    const denies = new Map();
    for (const s of world.statements.filter(x => x.effect === 'deny')) {
        const except = world.overrides(s).map(o => ({ not: { and: [{ group: o.group }, { target: { type: o.type, actions: o.actions } }, o.cond] } }));
        if (!denies.has(s.group)) denies.set(s.group, []);
        denies.get(s.group).push({ type: s.type || '*', actions: s.actions || ['*'], expr: expr(except.length > 0 ? { and: [s.cond, ...except] } : s.cond) });
    }
    const principals = new Map(requests.map(r => world.principal(r.user, r.scope)).map(p => [p.key, p]));
    for (const principal of principals.values()) {
        const own = principal.groups.flatMap(g => denies.get(g) || []);
        if (own.length === 0) continue;
        files.push({
            apiVersion: 'api.cerbos.dev/v1',
            principalPolicy: {
                principal: principalId(principal.key), version: 'default',
                rules: [...new Set(own.map(d => d.type))].map(type => ({
                    resource: type,
                    actions: own.filter(d => d.type === type).flatMap(d => d.actions.map(action => ({ action, effect: 'EFFECT_DENY', ...match(d.expr) }))),
                })),
            },
        });
    }
    return files;
}

const freePort = () => new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject).listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
    });
});

async function start(directory, port, grpcPort) {
    const log = path.join(directory, 'log');
    fs.writeFileSync(path.join(directory, 'config.json'), JSON.stringify({
        server: { httpListenAddr: '127.0.0.1:' + port, grpcListenAddr: '127.0.0.1:' + grpcPort },
        storage: { driver: 'disk', disk: { directory: path.join(directory, 'policies'), watchForChanges: false } },
        telemetry: { disabled: true },
    }));
    const out = fs.openSync(log, 'w');
    const program = require.resolve('@cerbos/cerbos-linux-x64/package.json').replace(/package\.json$/, 'cerbos-linux-x64');
    const server = spawn(program, ['server', '--config=' + path.join(directory, 'config.json'), '--log-level=error'], {
        stdio: ['ignore', out, out], env: { ...process.env, CERBOS_NO_TELEMETRY: '1' },
    });
    fs.writeFileSync(path.join(directory, 'pid'), String(server.pid ?? ''));    // for "run", should Node.js be killed
    let ended = null;
    server.on('exit', code => { ended = code ?? -1; });
    server.on('error', error => { ended = error.message; });
    process.on('exit', () => server.kill('SIGKILL'));
    for (let i = 0; i < 600; i++) {
        if (ended !== null) throw new Error('Cerbos ended: ' + fs.readFileSync(log, 'utf8').slice(0, 2000));
        const up = await new Promise(resolve => {
            http.get({ host: '127.0.0.1', port, path: '/_cerbos/health' }, r => { r.resume(); resolve(r.statusCode === 200); }).on('error', () => resolve(false));
        });
        if (up) return server;
        await new Promise(resolve => setTimeout(resolve, 100));
    }
    server.kill('SIGKILL');
    throw new Error('Cerbos did not start');
}

module.exports = {
    name: 'Cerbos',
    async build(world, { requests, work }) {
        const numbers = new Map();
        const role = group => {
            if (!numbers.has(group)) numbers.set(group, 'role-' + numbers.size);
            return numbers.get(group);
        };
        const directory = fs.mkdtempSync(path.join(work, 'cerbos-'));
        fs.mkdirSync(path.join(directory, 'policies'));
        policies(world, requests, role).forEach((p, i) => fs.writeFileSync(path.join(directory, 'policies', `p${i}.json`), JSON.stringify(p)));
        const port = await freePort();
        const server = await start(directory, port, await freePort());
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

        const post = body => new Promise((resolve, reject) => {
            const r = http.request({
                host: '127.0.0.1', port, path: '/api/check/resources', method: 'POST', agent,
                headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
            }, response => {
                const parts = [];
                response.on('data', p => parts.push(p));
                response.on('end', () => response.statusCode === 200 ? resolve(JSON.parse(Buffer.concat(parts).toString())) :
                    reject(new Error('Cerbos: ' + Buffer.concat(parts).toString().slice(0, 500))));
            });
            r.on('error', reject);
            r.end(body);
        });
        const principals = new Map();
        const principalOf = request => {
            const principal = world.principal(request.user, request.scope);
            let found = principals.get(principal);
            if (!found) principals.set(principal, found = { id: principalId(principal.key), roles: ['anybody', ...principal.groups.map(role)], attr: principal.attributes });
            return found;
        };
        const resource = r => ({
            resource: { kind: r.type, id: r.resource.id || 'none', attr: { resource: r.resource, env: r.env, context: r.context } },
            actions: [r.action],
        });
        const ask = async list => {
            const answer = await post(JSON.stringify({ principal: principalOf(list[0]), resources: list.map(resource) }));
            return list.map((r, i) => answer.results[i].actions[r.action] === 'EFFECT_ALLOW');
        };
        // A batch is about one user in one scope: their requests, over and over.
        const batches = [...requests.reduce((map, r) => map.set(r.user + '@' + r.scope, [...map.get(r.user + '@' + r.scope) || [], r]), new Map()).values()]
            .map(list => Array.from({ length: BATCH }, (_, i) => list[i % list.length]));
        return {
            variants: [
                { name: 'Cerbos on loopback, one request', check: async request => (await ask([request]))[0], clock: true },
                { name: `Cerbos on loopback, of a batch of ${BATCH}`, batches, checkAll: ask, clock: true },
            ],
            close: () => new Promise(resolve => {
                agent.destroy();
                server.on('exit', () => {
                    fs.unlinkSync(path.join(directory, 'pid'));
                    resolve();
                });
                server.kill('SIGTERM');
            }),
        };
    },
};
