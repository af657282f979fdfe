"""An aiohttp server with sessions: `sessions.py` says `ready PORT`, then serves until its input ends."""
import asyncio
import secrets
import sys

from aiohttp import ClientSession, web

sessions = {}


async def visit(request):
    key = request.cookies.get("session") or secrets.token_hex(16)
    session = sessions.setdefault(key, {"visits": 0, "pages": [], "basket": {}})
    session["visits"] += 1
    session["pages"].append(request.path_qs)
    session["basket"][request.query.get("article", "none")] = request.headers.get("User-Agent", "")
    response = web.json_response({"visits": session["visits"], "pages": session["pages"][-5:]})
    response.set_cookie("session", key)
    return response


async def socket(request):
    connection = web.WebSocketResponse()
    await connection.prepare(request)
    async for message in connection:
        await connection.send_str(message.data[::-1])
    return connection


async def main():
    app = web.Application()
    app.add_routes([web.get("/visit/{page}", visit), web.get("/socket", socket)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    address = "http://127.0.0.1:%d" % port
    clients = [ClientSession() for _ in range(20)]
    for turn in range(30):
        for number, client in enumerate(clients):
            async with client.get("%s/visit/%d?article=%d" % (address, turn, number)) as response:
                await response.json()
    for number in range(400):
        async with ClientSession() as client, client.get("%s/visit/%d?article=x%d" % (address, number, number)) as response:
            await response.read()
    sockets = [await client.ws_connect(address + "/socket") for client in clients]
    for connection in sockets:
        await connection.send_str("hello " * 50)
        await connection.receive_str()
    print("ready", port, len(sessions), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for client in clients:
        await client.close()


asyncio.run(main())
