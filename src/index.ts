/** Leak-tight Linux kernel handles. Each name is documented where it is defined. */
export * from './handle/index.ts';
export { RouteSocket, type RouteSocketOptions } from './route/socket.ts';
