// trees: the Go version of trees.c, with the same options, work and checksum.
package main

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"sync"
	"time"
)

const depthMin = 4

type node struct{ left, right *node }

func newTree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{newTree(depth - 1), newTree(depth - 1)}
}

func (n *node) count() uint64 {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

func check(tree *node, depth int) uint64 {
	count := tree.count()
	if expected := uint64(2)<<depth - 1; count != expected {
		fmt.Fprintf(os.Stderr, "wrong: a tree of depth %d has %d nodes\n", depth, count)
		os.Exit(3)
	}
	return count
}

// share does one thread's part of the trees of each depth.
func share(id, threads, depthMax, percent int) (sum uint64) {
	for depth := depthMin; depth <= depthMax; depth += 2 {
		trees := 1 << (depthMax - depth + depthMin) * percent / 100
		if trees == 0 {
			trees = 1
		}
		for i := id; i < trees; i += threads {
			sum += check(newTree(depth), depth) * uint64(depth+1)
		}
	}
	return sum
}

// watchGaps records how late it is woken, every tick, until told to stop; then prints percentiles.
func watchGaps(tick time.Duration, stop chan bool) {
	var late []time.Duration
	for running := true; running; {
		due := time.Now().Add(tick)
		time.Sleep(tick)
		late = append(late, time.Since(due))
		select {
		case <-stop:
			running = false
		default:
		}
	}
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	points := map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999,
		"p99.99": 0.9999, "max": 1}
	for label, share := range points {
		at := late[int(share*float64(len(late)-1))]
		fmt.Printf("gap_%s_us %g\n", label, float64(at.Nanoseconds())/1e3)
	}
	stop <- true
}

func run(depthMax, threads, percent int) uint64 {
	check(newTree(depthMax+1), depthMax+1)
	longLived := newTree(depthMax)
	sums := make([]uint64, threads)
	var workers sync.WaitGroup
	for id := range sums {
		workers.Add(1)
		go func(id int) {
			sums[id] = share(id, threads, depthMax, percent)
			workers.Done()
		}(id)
	}
	workers.Wait()
	sum := check(longLived, depthMax)
	for _, part := range sums {
		sum += part
	}
	return sum
}

func main() {
	percent := flag.Int("percent", 100, "amount of work, in percent")
	depth := flag.Int("depth", 18, "depth of the deepest trees")
	threads := flag.Int("threads", 1, "threads that share the work")
	gaps := flag.Bool("gaps", false, "note gaps in the clock of a goroutine")
	tick := flag.Int("tick", 50, "its period in microseconds")
	flag.Parse()

	stop := make(chan bool)
	if *gaps {
		go watchGaps(time.Duration(*tick)*time.Microsecond, stop)
	}
	sum := run(*depth, *threads, *percent)
	if *gaps {
		stop <- true
		<-stop
	}
	fmt.Printf("checksum %016x\n", sum)
}
