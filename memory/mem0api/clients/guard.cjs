// Ends the process when anything in it leaves the machine: the clients come with
// telemetry that must stay off.
const net = require("node:net");

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
	const options = Array.isArray(args[0]) ? args[0][0] : args[0];
	const host = typeof options === "object" ? options.host : args[1];
	const local = typeof options === "object" && options.path !== undefined;
	if (!local && !["127.0.0.1", "localhost", undefined, null].includes(host)) {
		process.stderr.write(`left the machine: ${host}\n`);
		process.exit(97);
	}
	return connect.apply(this, args);
};
