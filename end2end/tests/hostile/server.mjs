// Endpoints that misbehave, each in its own way, on loopback. The console must say what is wrong with each and suffer from none.
import http from 'node:http';
import net from 'node:net';

const html = (port, answer) => http.createServer(answer).listen(port, '127.0.0.1');
const raw = (port, talk) => net.createServer((socket) => { socket.on('error', () => {}); talk(socket); }).listen(port, '127.0.0.1');

// x1's Patroni: garbage. x2's: a redirect. y1's: 100 MB. y2's: never an answer.
html(9101, (_, response) => response.end('<html>this is not Patroni</html>'));
html(9102, (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:9101/' }).end());
html(9103, (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(100 * 1024 * 1024) });
  const chunk = Buffer.alloc(64 * 1024, 0x20);
  const more = () => { while (!response.destroyed && response.write(chunk)); };
  response.on('drain', more);
  more();
});
html(9104, () => {});
// PostgreSQL: half an answer, then gone; garbage; silence; the wrong protocol.
raw(9111, (socket) => socket.once('data', () => socket.end('R\0\0')));
raw(9112, (socket) => socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')));
raw(9113, () => {});
raw(9114, (socket) => socket.destroy());
// HAProxy: garbage; an endless line. etcd: half an answer; says it is not healthy.
raw(9121, (socket) => socket.once('data', () => socket.end('Unknown command.\n')));
raw(9122, (socket) => {
  const more = () => { while (!socket.destroyed && socket.write('x'.repeat(65536))); };
  socket.on('drain', more);
  more();
});
raw(9131, (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{"health":')));
html(9132, (_, response) => response.end('{"health":"false"}'));
