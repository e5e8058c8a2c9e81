// A shopping list that forgets: what an app of one program promises Tealkeep, and no more.
package main

import (
	"context"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	// Migrations of the database in DATABASE_PATH belong here: the port is opened after them, so that /healthz says 200
	// only once they are done.
	var mutex sync.Mutex
	var bought []string

	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Tealkeep-Release", os.Getenv("TEALKEEP_RELEASE"))
		fmt.Fprintln(w, "ok")
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		// Browsers ask for the page again each time.
		w.Header().Set("Cache-Control", "no-cache")
		mutex.Lock()
		defer mutex.Unlock()
		if r.Method == http.MethodPost {
			bought = append(bought, r.FormValue("what"))
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintln(w, "<!doctype html><title>Shopping list</title><h1>Shopping list</h1>")
		fmt.Fprintln(w, `<form method="post"><input name="what"><button>Bought</button></form>`)
		for _, what := range bought {
			fmt.Fprintf(w, "<p>Bought: %s</p>\n", html.EscapeString(what))
		}
	})

	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT")}
	ended := make(chan struct{})
	go func() {
		// SIGTERM lets the requests in hand end.
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
		<-stop
		deadline, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		server.Shutdown(deadline)
		close(ended)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-ended
}
