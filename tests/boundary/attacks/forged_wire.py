"""The answer on its way to the examiner is forged: genuine replies are taken apart, changed in every place, and sent.

The forger does not need to know the form of an answer: it changes whatever the honest agent has made of it.
"""

# ruff: noqa: E501  (the lines of attackers are as long as they are)

from functools import partial

from attacks.corpus import code

code = partial(code, theme="forged wire")

FORGE = """
import base64, io, json, uuid
kernel = get_ipython().kernel
honest_send = kernel.session.send
armed = []
def arm(change):
    armed[:] = [change]  # for the next reply, in which several calls may be answered
def send(stream, kind, content=None, *a, **k):
    if kind == 'execute_reply' and armed and isinstance(content, dict) and (content.get('user_expressions') or content.get('status') == 'error'):
        content = armed.pop()(json.loads(json.dumps(content)), stream, a, k)
        if content is None:
            return None
    return honest_send(stream, kind, content, *a, **k)
kernel.session.send = send

def walk(node, change, name=''):
    if isinstance(node, str) and node[:1] in '{[' and len(node) > 1:
        try:
            return json.dumps(walk(json.loads(node), change, name))
        except ValueError:
            pass
    if isinstance(node, dict):
        return {key: walk(value, change, key) for key, value in node.items()}
    if isinstance(node, list):
        return [walk(value, change, name) for value in node]
    return change(node, name)

def arrays(make):
    '''Every array that is sent becomes make(); nothing else changes.'''
    def change(content, *rest):
        def leaf(value, name):
            if isinstance(value, str) and value.startswith('k05VTVBZ'):
                return base64.b64encode(make()).decode()
            return value
        return walk(content, leaf)
    return change

def values(make, of=(int, float, bool)):
    def change(content, *rest):
        return walk(content, lambda value, name: make() if type(value) in of and name != 'execution_count' else value)
    return change

def bundles(make):
    '''The whole of each answer becomes make(answer).'''
    def change(content, *rest):
        for reply in content['user_expressions'].values():
            for kind, value in reply.get('data', {}).items():
                if kind != 'text/plain':
                    reply['data'][kind] = make(value)
        return content
    return change

def npy(descr, shape, body=b'', version=(1, 0), order=False, raw=None):
    header = raw or ("{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)).encode()
    header += b' ' * (-(len(header) + 11) % 64) + b'\\n'
    size = len(header).to_bytes(2 if version == (1, 0) else 4, 'little')
    return b'\\x93NUMPY' + bytes(version) + size + header + body
"""

CALLS = {
    "step-forward": "def step_forward(x, h_prev, W, U, b):\n    {}\n    return 0 * h_prev",
    "moving-average": "def moving_average(x, decay):\n    {}\n    return 0 * x",
    "scale-rows": "def scale_rows(A, factors):\n    {}\n    return 0 * A",
    "is-stable": "def is_stable(U):\n    {}\n    return False",
}


def forged(name: str, tries: str, changes: list[str], helpers: str = "", plain: bool = False, **more) -> None:
    """An attack that makes `changes`, one a question, to the replies in which its answers travel.

    `plain`: these are no changes but lines of the answers themselves.
    """
    form = "{}" if plain else "arm({})"
    answers = {q: CALLS[q].format(form.format(change)) for q, change in zip(CALLS, changes, strict=False)}
    code(name, tries, FORGE + helpers, answers=answers, honest=["softsign"], **more)


forged(
    "pickled-arrays",
    "arrays of objects, as .npy with a pickle that runs code",
    [
        "arrays(pickled)",
        "arrays(lambda: npy(\"'|O'\", '(1,)', b'cbuiltins\\nprint\\n(tR.'))",
        "bundles(lambda v: pickled())",
    ],
    """
class Boom:
    def __reduce__(self):
        return (eval, ("print('LEA' + 'KED unpickled') or open(%r, 'w')" % (KNOWN['drops'][0] + '/pickle'),))
def pickled():
    out = io.BytesIO()
    np.save(out, np.array([Boom()], dtype=object), allow_pickle=True)
    return out.getvalue() if 0 else out.getvalue()
bundles_before = bundles
def bundles(make):
    return bundles_before(lambda v: base64.b64encode(make(v)).decode() if isinstance(make(v), bytes) else make(v))
""",
)
forged(
    "npy-that-claims-too-much",
    "small .npy files that claim a trillion numbers, negative, huge and overflowing shapes",
    [
        "arrays(lambda: npy(\"'<f8'\", '(10**12,)'.replace('10**12', '1000000000000'), b'x' * 8))",
        "arrays(lambda: npy(\"'<f8'\", '(-1, -8)', b'x' * 64))",
        "arrays(lambda: npy(\"'<f8'\", '(4294967296, 4294967296)', b''))",
        "arrays(lambda: npy(\"'|V0'\", '(999999999999999,)', b''))",
    ],
)
forged(
    "npy-headers-of-code",
    "headers that are expressions, thousands of brackets, of unknown versions, or end early",
    [
        "arrays(lambda: npy('', '', raw=b\"__import__('os').system('true') or {'descr': '<f8', 'fortran_order': False, 'shape': (1,)}\"))",
        "arrays(lambda: npy('', '', raw=b'(' * 60000, version=(2, 0)))",
        "arrays(lambda: npy(\"'<f8'\", '(3,)', b'x' * 24, version=(9, 9)))",
        "arrays(lambda: b'\\x93NUMPY\\x01\\x00\\xff')",
    ],
)
forged(
    "npy-of-odd-types",
    "structured, void, string, date, long double, big-endian and zero-size types",
    [
        "arrays(lambda: npy(\"[('a', '<f8'), ('b', '|O')]\", '(1,)', b'x' * 16))",
        "arrays(lambda: npy(\"'<U1000000'\", '(1,)', b'x' * 4000000))",
        "arrays(lambda: npy(\"'<f16'\", '(3,)', b'\\xff' * 48))",
        "arrays(lambda: npy(\"'<M8[s]'\", '(1,)', b'x' * 8))",
    ],
)
forged(
    "numbers-that-are-none",
    "NaN, infinities, numbers of five thousand digits, and texts, in place of every number",
    [
        "values(lambda: float('nan'))",
        "values(lambda: 10 ** 4000)",
        "values(lambda: float('inf'))",
        "values(lambda: '7; import os')",
    ],
)
forged(
    "numbers-that-json-cannot-hold",
    "replies written by hand: 1e999, a million digits, duplicate keys, lone surrogates",
    ["by_hand(b'1e999')", "by_hand(b'9' * 1000000)", "by_hand(b'\"\\\\ud800\"')", 'by_hand(b\'{"a": 1, "a": 2}\')'],
    """
def by_hand(text):
    def change(content, stream, a, k):
        before = kernel.session.pack
        marked = walk(content, lambda v, n: 'MARK' if type(v) in (int, float) or isinstance(v, str) and v.startswith('k05') else v)
        def pack(thing):
            data = before(thing)
            kernel.session.pack = before if b'MARK' in data else pack
            return data.replace(b'\\\\"MARK\\\\"', text).replace(b'"MARK"', text)
        kernel.session.pack = pack
        return marked
    return change
""",
)
forged(
    "towers-and-crowds",
    "answers nested ten thousand deep, of a million parts, with a million keys",
    [
        "bundles(tower)",
        "bundles(lambda v: [v] * 10**5)",
        "bundles(lambda v: {str(n): v for n in range(10**5)})",
        "bundles(lambda v: [[]] * 10**6)",
    ],
    """
def tower(value):
    sys.setrecursionlimit(10**6)
    threading.stack_size(2**28)
    for _ in range(900):
        value = [value]
    return value
""",
)
forged(
    "floods-on-the-wire",
    "answers of a hundred megabytes: text, base64 and a bundle of many kinds",
    [
        "bundles(lambda v: 'x' * 10**8)",
        "arrays(lambda: npy(\"'<f8'\", '(8000000,)', bytes(64000000)))",
        "values(lambda: 'y' * 10**7)",
        "bundles(lambda v: {'k' * 10**7: 'v' * 10**7})",
    ],
    unsafe="sends hundreds of megabytes",
)
forged(
    "wrong-identities",
    "changes every identifier, handle and sequence number in an answer, and whose reply it is",
    ["identities('7')", "identities('../../x')", "identities(\"__import__('os').getpid()\")", "somebody_elses"],
    """
def identities(new):
    def change(content, *rest):
        def leaf(value, name):
            if any(w in name.lower() for w in ('id', 'handle', 'ref', 'call', 'seq', 'number', 'key', 'token')):
                return new if isinstance(value, str) else 10**9
            return value
        return walk(content, leaf)
    return change
def somebody_elses(content, stream, a, k):
    parent = a[0] if a else k.get('parent')
    other = dict(parent, header=dict(parent['header'], msg_id=str(uuid.uuid4())))
    honest_send(stream, 'execute_reply', content, other, ident=k.get('ident', b''))
    return None
""",
)
forged(
    "replies-doubled-and-early",
    "each reply is sent twice with two contents, and replies to the next hundred calls are sent beforehand",
    ["doubled", "early", "doubled", "late"],
    """
def doubled(content, stream, a, k):
    parent = a[0] if a else k.get('parent')
    honest_send(stream, 'execute_reply', dict(content, user_expressions={}), parent, ident=k.get('ident'))
    honest_send(stream, 'execute_reply', content, parent, ident=k.get('ident'))
    return content
def early(content, stream, a, k):
    parent = a[0] if a else k.get('parent')
    stem, _, count = parent['header']['msg_id'].rpartition('_')
    for ahead in range(1, 100):
        if count.isdigit():
            other = dict(parent, header=dict(parent['header'], msg_id=f'{stem}_{int(count) + ahead}'))
            honest_send(stream, 'execute_reply', content, other, ident=k.get('ident'))
    return content
def late(content, stream, a, k):
    parent = a[0] if a else k.get('parent')
    threading.Timer(1.5, honest_send, (stream, 'execute_reply', content, parent), {'ident': k.get('ident')}).start()
    return content
""",
)
forged(
    "replies-of-wrong-form",
    "statuses, errors and expressions of other types than the protocol has",
    [
        "lambda c, *r: dict(c, user_expressions=[1, 2], status=['ok'])",
        "lambda c, *r: dict(c, user_expressions={k: 7 for k in c.get('user_expressions', {})})",
        "lambda c, *r: {'status': 'error', 'ename': 7, 'evalue': {'a': 1}, 'traceback': 'x' * 10**6}",
        "lambda c, *r: {}",
    ],
)
forged(
    "errors-that-mean-well",
    "answers with errors called SystemExit, KeyboardInterrupt, SkipTest and CheckFailure, whose texts are scripts and escapes",
    ["error('SystemExit')", "error('KeyboardInterrupt')", "error('unittest.SkipTest')", "error('CheckFailure')"],
    """
def error(name):
    text = '<script>unrolled_xss()</script>\\x1b]0;unrolled-title\\x07\\x1b[2J' * 1000
    def change(content, *rest):
        def leaf(value, key):
            return name if key in ('ename', 'type', 'name', 'kind', 'status') and isinstance(value, str) else value
        changed = walk(content, leaf)
        changed.update(status='error', ename=name, evalue=text, traceback=[text] * 10)
        return changed
    return change
""",
)
forged(
    "verdicts-in-the-answer",
    "adds scores, verdicts and flags of every name to each part of the answer",
    ["praise", "praise", "praise", "praise"],
    """
def praise(content, *rest):
    def add(node):
        if isinstance(node, dict):
            node = {key: add(value) for key, value in node.items()}
            node.update(ok=True, right=True, passed=True, score=200, points=200, error=None, verdict='right', equal=True)
        return node
    content['user_expressions'] = {k: dict(v, data={m: add(b) for m, b in v.get('data', {}).items()})
                                   for k, v in content.get('user_expressions', {}).items()}
    return content
""",
)
forged(
    "frames-of-rubbish",
    "writes frames that are no messages to the examiner's end: no delimiter, no signature, other keys, a thousand parts",
    ["rubbish", "unsigned", "rubbish", "unsigned"],
    """
def rubbish(content, stream, a, k):
    ident = k.get('ident') or b''
    ident = ident if isinstance(ident, list) else [ident]
    for frames in ([b''], [b'<IDS|MSG>'], [b'<IDS|MSG>', b'bad', b'{', b'{', b'{', b'{'], [b'x'] * 1000,
                   [b'<IDS|MSG>', b'', b'[' * 10**6, b'{}', b'{}', b'{}']):
        stream.send_multipart([*ident, *frames])
    return content
def unsigned(content, stream, a, k):
    kernel.session.key = b'mine'
    return content
""",
)
forged(
    "the-agent-replaced",
    "replaces every function of the agent, wherever it lives in this process, by one that praises itself",
    ["values(lambda: True)"],
    """
import gc, types
def praise(*a, **k):
    return {'ok': True, 'value': True, 'score': 200}
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType):
        where = thing.__code__.co_filename + thing.__module__.__str__()
        if ('agent' in where or 'boundary' in where or 'unrolled' in where or 'autograder' in where) and not thing.__code__.co_freevars:
            thing.__code__ = praise.__code__
kernel.session.send = lambda stream, kind, content=None, parent=None, **k: honest_send(stream, kind, praise(), parent)
""",
    spared=["softsign"],
)
forged(
    "handles-of-others",
    "returns functions, modules and kernels as opaque values whose methods it hopes the examiner will call",
    ["return Tempting()", "return sys.modules", "return get_ipython()", "return Tempting"],
    plain=True,
    helpers="""
class Tempting:
    calls = []
    def __getattr__(self, name):
        if name.startswith('_repr'): raise AttributeError(name)
        Tempting.calls.append(name)
        return lambda *a, **k: leaked((name, a)) or 0.0
    def __call__(self, *a, **k): return 0.0
    def __bool__(self): return True
    def __len__(self): return 6
    def _repr_mimebundle_(self, *a, **k): return {'application/vnd.unrolled+json': {'ok': True}, 'text/plain': '1'}
    def __repr__(self): return '1.0'
""",
)
forged(
    "reads-the-line-itself",
    "a thread takes the examiner's questions off the line, and answers them as it likes",
    ["steal(0.0)", "steal(1.0)", "steal(True)", "steal(None)"],
    plain=True,
    helpers="""
import select, stat
def steal(value):
    own = get_ipython().kernel.iopub_socket.connection.fileno()
    def read():
        while True:
            for n in range(3, 64):
                try:
                    if n == own or not stat.S_ISSOCK(os.fstat(n).st_mode) or not select.select([n], [], [], 0)[0]:
                        continue
                    data = os.read(n, 1 << 18)
                    token = data[5:13]
                    asked = json.loads(data[13:].decode())
                    told = {'status': 'results', 'request': asked.get('request'), 'replies': [
                        {'status': 'result', 'value': value, 'printed': '', 'lines': 0, 'changed': []}] * 40}
                    body = json.dumps(told).encode()
                    os.write(n, b'd' + len(body).to_bytes(4, 'big') + token + body)
                except Exception:
                    pass
            time.sleep(0.001)
    threading.Thread(target=read, daemon=True).start()
""",
    spared=["softsign"],
)
forged(
    "frames-that-announce-too-much",
    "frames of four gigabytes, of unknown kinds, without an end, and the half of one",
    ["announce(b'd', 2**32 - 1)", "announce(b'?', 4)", "announce(b'd', 10**8)", "announce(b's', 2**31)"],
    """
def announce(kind, length):
    def change(content, stream, a, k):
        stream.connection.sendall(kind + length.to_bytes(4, 'big') + bytes(8) + b'x' * 1000)
        return content
    return change
""",
    spared=["softsign"],
)
