//! Headers over real sockets: what `tealkeep check` says of sites that answer as sites do.
