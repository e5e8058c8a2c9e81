# PocketBase applies what is new in pb_migrations before it listens.
set -eu
exec ./pocketbase serve --http="127.0.0.1:$PORT" --dir="$(dirname "$DATABASE_PATH")" \
    --hooksDir=pb_hooks --migrationsDir=pb_migrations --publicDir=pb_public --automigrate=false
