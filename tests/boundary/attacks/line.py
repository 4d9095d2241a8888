"""What an attacker needs to speak on the lines of its kernel, in place of Jupyter's channels.

Most forgeries are written for `get_ipython().kernel` and its session. A kernel over a line has none; the text below,
which runs first in every attack, makes one that does the same on the line: outputs, replies to a cell, replies to the
examiner, under genuine and under other tokens.
"""

KERNEL = r"""
def _make_kernel():
    import json, uuid
    MIME = 'application/vnd.unrolled+json'
    server = get_ipython().kernel
    line = server.line
    genuine = line.send

    def inner(content):
        try:
            return content['user_expressions']['reply']['data'][MIME]
        except (KeyError, TypeError, IndexError):
            return content

    def token_of(message):
        try:
            stem, _, count = message['header']['msg_id'].rpartition('_')
            return ((int(stem, 16) + int(count)) % 2**64).to_bytes(8, 'big')
        except Exception:
            return uuid.uuid4().bytes[:8]

    class Stream:
        def __init__(self, connection, kind):
            self.connection, self.kind = connection, kind
        def send_multipart(self, frames):
            self.connection.sendall(b''.join(frames))
        def flush(self):
            pass

    class Session:
        key = b''
        def pack(self, thing):
            return thing.encode() if isinstance(thing, str) else json.dumps(thing).encode()
        def send(self, stream, kind, content=None, parent=None, ident=None, **more):
            token = token_of(parent)
            if stream.kind == b's':
                data = self.pack({'kind': kind, 'content': content})
            else:
                data = self.pack(inner(content))
            if self.key:
                data = bytes(255 - byte for byte in data)
            genuine(stream.connection, stream.kind, token, data)

    class Kernel:
        _parent_ident = {'shell': b''}
        shell_handlers = {}
        def __init__(self):
            self.session = Session()
            self.iopub_socket = Stream(line.connection, b's')
            self.shell_stream = Stream(line.connection, b'd')
            self.stdin_socket = Stream(line.connection, b'l')
        def _topic(self, kind):
            return b''
        def get_parent(self):
            return {'header': {'msg_id': (line.token or bytes(8)).hex() + '_0'}, 'content': {'code': ''}}
        def __setattr__(self, name, value):
            object.__setattr__(self, name, value)
            if name == 'do_execute':  # the same as with Jupyter's: every cell is answered, none is run
                def run(token, told):
                    genuine(line.connection, b'd', token, json.dumps({'status': 'ok', 'expressions': {}}).encode())
                server._run = run
    kernel = Kernel()

    def send(connection, kind, token, payload):
        '''All that goes out passes the session, which an attack may have replaced.'''
        if kind != b'd':
            return genuine(connection, kind, token, payload)
        parent = {'header': {'msg_id': token.hex() + '_0'}}
        if connection is line.connection:
            content = json.loads(payload)
        else:
            content = {'status': 'ok', 'execution_count': 1, 'user_expressions': {
                'reply': {'status': 'ok', 'data': {MIME: payload.decode(), 'text/plain': '<reply>'}, 'metadata': {}}}}
        return kernel.session.send(Stream(connection, b'd'), 'execute_reply', content, parent, ident=b'')
    line.send = send
    before = server._run
    def run(token, told):
        handler = kernel.shell_handlers.get('execute_request')
        if handler is None:
            return before(token, told)
        parent = {'header': {'msg_id': token.hex() + '_0'}}
        server.loop.run_until_complete(handler(kernel.shell_stream, b'', parent))
    server._run = run
    return kernel

if type(get_ipython().kernel).__name__ == 'CellServer':
    get_ipython().kernel = _make_kernel()
"""
