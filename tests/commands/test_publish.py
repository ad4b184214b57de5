"""`benchopt publish` against a stand-in of the hub: what it sends, and when."""

import base64
import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from benchopt.cli.process_results import publish
from benchopt.results import github

HUB, FORK = "/repos/benchopt/results", "/repos/somebody/results"
BRANCH = "somebody/benchmark_inverse_problems"
FOLDER = "benchmarks/benchmark_inverse_problems"


class Hub(BaseHTTPRequestHandler):
    """The parts of GitHub's interface that benchopt's command uses."""

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        size = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(size)) if size else None
        address = urlsplit(self.path)
        state, path = self.server.state, unquote(address.path)
        state["tokens"].add(self.headers.get("Authorization"))
        if sent is not None:
            state["sent"].append((self.command, path, sent))
        where = f"http://127.0.0.1:{self.server.server_address[1]}"
        for key, found in self.routes(path, sent, parse_qs(address.query), where):
            if key == (self.command, path):
                return self.answer(*found())
        return self.answer(404, {"message": "Not Found"})

    do_GET = do_POST = do_PUT = handle_any

    def routes(self, path, sent, query, where):
        """((method, path), function that gives a status and what to answer)."""
        state = self.server.state
        head = {"name": "main", "commit": {"sha": "5ea"}}

        def repository(name):
            return {"url": where + name, "default_branch": "main", "name": "results"}

        yield ("GET", HUB), lambda: (200, repository(HUB))
        yield ("GET", "/user"), lambda: (200, {"login": "somebody"})
        yield ("POST", f"{HUB}/forks"), lambda: (202, repository(FORK))
        yield ("GET", f"{HUB}/branches/main"), lambda: (200, head)
        if state["branches"]:
            branch = {"name": BRANCH, "commit": {"sha": "5ea"}}
            yield ("GET", f"{FORK}/branches/{BRANCH}"), lambda: (200, branch)
        yield ("POST", f"{FORK}/git/refs"), lambda: (201, self.branched(sent))
        name = path.removeprefix(f"{FORK}/contents/")
        yield ("PUT", f"{FORK}/contents/{name}"), lambda: self.stored(name, sent)
        if name in state["files"]:
            found = state["files"][name] | {"path": name, "encoding": "base64"}
            found["type"] = "file"
            yield ("GET", f"{FORK}/contents/{name}"), lambda: (200, found)
        yield ("POST", f"{HUB}/pulls"), lambda: (201, self.pulled(sent, where))
        known = [p for p in state["pulls"] if query.get("head") == [p["head"]]]
        yield ("GET", f"{HUB}/pulls"), lambda: (200, [p["answer"] for p in known])

    def branched(self, sent):
        self.server.state["branches"].append(sent["ref"])
        return {"ref": sent["ref"], "object": {"sha": sent["sha"]}}

    def stored(self, name, sent):
        files = self.server.state["files"]
        expected = files[name]["sha"] if name in files else None
        if sent.get("sha") != expected:
            return 409, {"message": "sha does not match"}
        files[name] = {"content": sent["content"], "sha": f"sha{len(sent['content'])}"}
        return 201, {"content": {"path": name}, "commit": {"sha": "c0"}}

    def pulled(self, sent, where):
        number = len(self.server.state["pulls"]) + 1
        answer = {"html_url": f"{where}/pull/{number}", "number": number}
        self.server.state["pulls"].append(sent | {"answer": answer})
        return answer

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    """The stand-in's state: files, branches, requests and whatever was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.state = {"files": {}, "branches": [], "pulls": [], "sent": []}
    server.state["tokens"] = set()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    # GitHub's own client waits between requests, which is for GitHub.
    waits = {"seconds_between_requests": 0, "seconds_between_writes": 0}
    client = partial(github.Github, base_url=address, retry=None, **waits)
    monkeypatch.setattr(github, "Github", client)
    yield server.state
    server.shutdown()
    server.server_close()


def content(entry):
    return base64.b64decode(entry["content"])


@pytest.mark.filterwarnings("ignore:Argument login_or_token")
def test_a_file_is_sent_once_and_renewed(suite, hub, capsys):
    assert suite.run("-s", "adjoint", "-d", "simulated[n_images=1]") is not None
    (file,) = suite.folder.glob("outputs/*.parquet")
    arguments = [str(suite.folder), "-f", str(file), "-t", "secret"]

    publish(arguments, standalone_mode=False)
    assert "Created PR on benchopt results repo" in capsys.readouterr().out
    assert hub["tokens"] == {"token secret"}
    result, about = f"{FOLDER}/outputs/{file.name}", f"{FOLDER}/benchmark_meta.json"
    assert set(hub["files"]) == {result, about}
    assert content(hub["files"][result]) == file.read_bytes()
    meta = json.loads(content(hub["files"][about]))
    assert meta == {
        "pretty_name": "imaging inverse problems",
        "url": "https://github.com/deepinv/benchmark_inverse_problems",
    }
    assert hub["branches"] == [f"refs/heads/{BRANCH}"]
    (request,) = hub["pulls"]
    assert request["head"] == f"somebody:{BRANCH}" and request["base"] == "main"
    puts = [sent for method, _, sent in hub["sent"] if method == "PUT"]
    assert {sent["branch"] for sent in puts} == {BRANCH}

    hub["sent"].clear()
    publish(arguments, standalone_mode=False)
    assert "is already uploaded" in capsys.readouterr().out
    assert [sent for sent in hub["sent"] if sent[0] == "PUT"] == []

    file.write_bytes(file.read_bytes() + b"more")
    publish(arguments, standalone_mode=False)
    assert "Updating PR on benchopt results" in capsys.readouterr().out
    assert content(hub["files"][result]) == file.read_bytes()
    assert len(hub["pulls"]) == len(hub["branches"]) == 1


def test_without_a_token_nothing_is_sent(suite, hub, monkeypatch):
    monkeypatch.delenv("BENCHOPT_GITHUB_TOKEN", raising=False)
    file = suite.folder / "outputs" / "a.parquet"
    file.parent.mkdir()
    file.touch()
    with pytest.raises(RuntimeError, match="token value to connect to GitHub"):
        publish([str(suite.folder), "-f", str(file)], standalone_mode=False)
    assert hub["tokens"] == set() and hub["sent"] == []
