# Migrates the database, then becomes the server: /healthz says 200 only once both are done.
set -eu
rake --silent db:migrate
exec puma --bind "tcp://127.0.0.1:$PORT" --environment production config.ru
