"""A small FTP server that lies, floods and stalls. The user's name says how."""

import contextlib
import itertools
import socket
import threading

CONTENT = b"x" * 1000
NAMES = {
    "dots": "../../escape",
    "absolute": "/tmp/escape",
    "slash": "a/b",
    "nul": "a\0b",
    "terminal": "a\x1b]0;b",
    "long": "x" * 300,
}


class HostileFtp:
    """Serves each connection in a thread; ``port`` is the one of control connections."""

    def __init__(self, greeting: str = "") -> None:
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)
        self._threads = [self._thread]
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            Session(connection, self._greeting).run()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


class Session:
    def __init__(self, connection: socket.socket, greeting: str) -> None:
        self.control, self.how, self.greeting = connection, "", greeting
        self.lines = connection.makefile("rb")
        self.passive: socket.socket | None = None

    def say(self, text: str) -> None:
        self.control.sendall(text.encode() + b"\r\n")

    def run(self) -> None:
        try:
            self.greet()
            for line in self.lines:
                verb, _, argument = line.decode().strip().partition(" ")
                getattr(self, f"do_{verb.lower()}", self.unknown)(argument)
        finally:
            self.lines.close()
            if self.passive:
                self.passive.close()

    def greet(self) -> None:
        if self.greeting == "endless":
            for number in itertools.count():
                self.say(f"220-{number}")
        elif self.greeting == "one endless line":
            while True:
                self.control.sendall(b"220 " + b"x" * 65536)
        elif self.greeting == "silent":
            self.lines.read()
        elif self.greeting == "rubbish":
            self.control.sendall(b"\xff\xfe\x00\x01\r\nSSH-2.0-x\r\n")
        else:
            self.say("220 ready")

    def unknown(self, _: str) -> None:
        self.say("502 no")

    def do_user(self, name: str) -> None:
        self.how = name
        self.say("331 password")

    def do_pass(self, word: str) -> None:
        self.say(f"530 {word} is wrong" if self.how == "repeats" else "230 in")

    def do_feat(self, _: str) -> None:
        if self.how == "endless features":
            for number in itertools.count():
                self.say(f"211-X{number}")
        self.say("211-Features\r\n MLST type*;size*;modify*;\r\n UTF8\r\n211 End")

    def do_type(self, _: str) -> None:
        self.say("200 ok")

    do_opts = do_type

    def do_pwd(self, _: str) -> None:
        self.say('257 "/"')

    def do_epsv(self, _: str) -> None:
        if self.how == "points elsewhere":
            self.say("500 no")
            return
        if self.how == "points nowhere":
            self.say("229 go (|||0|)")
            return
        self.listen()
        self.say(f"229 go (|||{self.passive.getsockname()[1]}|)")

    def do_pasv(self, _: str) -> None:
        self.listen()
        port = self.passive.getsockname()[1]
        # Another machine's address, as some servers send one on purpose.
        self.say(f"227 go (192,0,2,1,{port >> 8},{port & 255})")

    def listen(self) -> None:
        if self.passive:
            self.passive.close()
        self.passive = socket.create_server(("127.0.0.1", 0))

    def data(self) -> socket.socket:
        assert self.passive
        self.passive.settimeout(10)
        connection, _ = self.passive.accept()
        self.passive.close()
        self.passive = None
        self.say("150 here")
        return connection

    def do_mlsd(self, path: str) -> None:
        with self.data() as data:
            if self.how == "endless listing":
                for number in itertools.count():
                    data.sendall(b"type=file;size=1; %d\r\n" % number * 100)
            if self.how == "one endless line":
                while True:
                    data.sendall(b"x" * 65536)
            if self.how == "stalls at list":
                self.lines.read()
            data.sendall(self.listing().encode())
        self.say("226 done")

    def listing(self) -> str:
        if self.how == "deep":
            return "type=dir; d\r\n"
        if self.how.startswith("name "):
            *_, folder, kind = self.how.split(" ", 2)
            return f"type=file;size=4; good\r\ntype={folder};size=1; {NAMES[kind]}\r\n"
        return "type=file;size=1000;modify=20260101000000; f\r\n"

    def do_mlst(self, path: str) -> None:
        if path not in ("f", "in"):
            self.say("550 no such thing")
            return
        kind = "dir" if path == "in" else "file"
        size = {"says smaller": 10, "says larger": 100_000, "rubbish size": "1e9"}.get(self.how, 1000)
        self.say(f"250-here\r\n type={kind};size={size};modify=20260101000000; {path}\r\n250 done")

    def do_size(self, _: str) -> None:
        self.say(f"213 { {'says smaller': 10, 'says larger': 100_000}.get(self.how, 1000) }")

    def do_retr(self, _: str) -> None:
        with self.data() as data:
            if self.how == "endless file":
                while True:
                    data.sendall(b"x" * 65536)
            if self.how == "stalls at read":
                self.lines.read()
            data.sendall(CONTENT)
        self.say("426 cut" if self.how == "says it is cut" else "226 done")

    def do_stor(self, _: str) -> None:
        with self.data() as data:
            if self.how == "stalls at write":
                self.lines.read()
            while data.recv(65536):
                pass
        self.say("226 done")

    def do_dele(self, _: str) -> None:
        self.say("250 done")

    do_rmd = do_dele
