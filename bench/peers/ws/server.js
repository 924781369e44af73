// Listens on --port or PORT; Redis is at REDIS_URL.

import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { createClient } from "redis";
import WebSocket, { WebSocketServer } from "ws";

const port = { type: "string", default: process.env.PORT };
const { values } = parseArgs({ options: { port } });

const publisher = createClient({ url: process.env.REDIS_URL });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) client.on("error", console.error);
await Promise.all([publisher.connect(), subscriber.connect()]);

/** A room as this process knows it: its sockets, and one subscription as long as there are any. */
class Room {
  static #rooms = new Map();

  static at(path) {
    if (!Room.#rooms.has(path)) Room.#rooms.set(path, new Room(path));
    return Room.#rooms.get(path);
  }

  #sockets = new Set();

  constructor(path) {
    this.path = path;
    this.subscribed = subscriber.subscribe(path, this.tell, true);
  }

  enter(socket) {
    this.#sockets.add(socket);
  }

  leave(socket) {
    this.#sockets.delete(socket);
    if (this.#sockets.size > 0) return;
    Room.#rooms.delete(this.path);
    subscriber.unsubscribe(this.path, this.tell, true);
  }

  // The bytes from Redis are the bytes for every socket.
  tell = (message) => {
    for (const socket of this.#sockets) {
      if (socket.readyState === WebSocket.OPEN) socket.send(message, { binary: false });
    }
  };
}

const http = createServer((request, response) => {
  response.statusCode = request.url === "/healthz" ? 200 : 404;
  response.end();
});
const server = new WebSocketServer({ server: http, clientTracking: false });

server.on("connection", async (socket, request) => {
  const room = Room.at(request.url);
  room.enter(socket);
  socket.on("message", (message) => publisher.publish(room.path, message).catch(console.error));
  socket.on("close", () => room.leave(socket));
  socket.on("error", console.error);

  socket.pause(); // nobody speaks before they hear
  await room.subscribed;
  socket.resume();
});

http.listen(values.port, "127.0.0.1");
