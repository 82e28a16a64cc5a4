// The target of `python -m bench.grpc`: shop.Cart/Add by grpc-go, on one thread, which answers every call with the same
// message. It reads and writes messages as bytes, so that the tool under test is what works. A port of HTTP says how many
// connections and calls there were.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

var calls, accepted atomic.Int64

// A listener that counts the connections that it hands on.
type counted struct{ net.Listener }

func (inner counted) Accept() (net.Conn, error) {
	connection, err := inner.Listener.Accept()
	if err == nil {
		accepted.Add(1)
	}
	return connection, err
}

type asBytes struct{}

func (asBytes) Marshal(value any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*value.(*[]byte))}, nil
}

func (asBytes) Unmarshal(data mem.BufferSlice, value any) error {
	*value.(*[]byte) = data.Materialize()
	return nil
}

func (asBytes) Name() string { return "proto" }

var reply = []byte{8, 3}

func add(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var message []byte
	if err := decode(&message); err != nil {
		return nil, err
	}
	calls.Add(1)
	return &reply, nil
}

func main() {
	runtime.GOMAXPROCS(1)
	encoding.RegisterCodecV2(asBytes{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	counter, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go http.Serve(counter, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, accepted.Load(), " ", calls.Load()) }))
	server := grpc.NewServer(grpc.ForceServerCodecV2(asBytes{}), grpc.MaxConcurrentStreams(1000))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Cart",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Add", Handler: add}},
	}, struct{}{})
	fmt.Println(listener.Addr(), counter.Addr())
	server.Serve(counted{listener})
}
