# Hashes, closures, regular expressions, sorting, threads, forks, signals. argument: rounds
use strict; use warnings;
use threads; use threads::shared;
use Storable qw(dclone freeze thaw); use List::Util qw(sum reduce); use Scalar::Util qw(weaken);
use Digest::SHA qw(sha1_hex); use Data::Dumper; use Time::HiRes qw(sleep setitimer ITIMER_REAL);
use IO::Handle; use Socket;
my $rounds = shift; $| = 1; $Data::Dumper::Sortkeys = $Data::Dumper::Indent = 1;
my $seed = 7; sub rnd { $seed = $seed * 16807 % 2147483647; $seed % shift }
sub report { print shift, ": @_\n" }

# hashes of arrays of hashes, cloned and frozen
my %h; push @{ $h{ "k" . rnd($rounds) } }, { n => $_, s => "x" x rnd(60) } for 1 .. $rounds * 5;
delete $h{"k$_"} for grep { $_ % 3 } 0 .. $rounds;
my $copy = thaw freeze dclone \%h;
report hash => scalar(keys %h), sha1_hex(Dumper $copy);

# text
my $text = join ' ', map { sprintf "%s%d=%s", chr(97 + $_ % 26), $_, 'ab' x ($_ % 13) } 1 .. $rounds * 3;
my %seen; $seen{ length $2 }++ while $text =~ /\b(\w+?)\d+=((?:ab)*)\b/g;
report regex => map { "$_:$seen{$_}" } sort { $a <=> $b } keys %seen;
(my $swapped = $text) =~ s/(\w+)=(\w*)/uc($2) . "<$1>"/ge;
report swapped => sha1_hex $swapped;
report utf8 => sha1_hex join ',', map { utf8::encode(my $c = chr(0x400 + $_ % 500) x 3); $c } 1 .. $rounds;

# sorting with closures, and a Schwartzian transform
my @by = map { my $key = $_; sub { ($_[0] * $key) % 1009 } } 1 .. 20;
my @sorted = map $_->[1], sort { $a->[0] <=> $b->[0] or $a->[1] <=> $b->[1] } map [ $by[ $_ % 20 ]->($_), $_ ], 1 .. $rounds * 4;
report sort => sha1_hex "@sorted";
report pack => sha1_hex join '', map { pack 'NvZ*w', $_, $_ & 0xffff, "s$_", $_ } @sorted;

# objects, destructors, cycles broken by weak references
package Node { my $gone = 0; sub new { my ($class, %f) = @_; bless {%f}, $class } sub DESTROY { $gone++ } sub gone { $gone } }
for (1 .. $rounds) {
    my $parent = Node->new(name => "p$_"); $parent->{kids} = [ map Node->new(up => $parent, n => $_), 1 .. 3 ];
    Scalar::Util::weaken($_->{up}) for @{ $parent->{kids} };
}
report destroyed => Node::gone();
report died => sum map { eval { die { code => $_ } }; $@->{code} } 1 .. $rounds;

# threads with a shared queue: each starts with a clone of the whole interpreter
my ($done, @queue) :shared; $done = 0; share(@queue);
my @workers = map { my $id = $_; threads->create(sub {
    my $mine = 0;
    while (1) { my $item; { lock @queue; cond_wait @queue until @queue or $done; $item = shift @queue } last unless defined $item;
        $mine += length sha1_hex("$item") x ($item % 7) }
    $mine }) } 1 .. 3;
{ lock @queue; push @queue, 1 .. $rounds; cond_broadcast @queue } { lock @queue; $done = 1; cond_broadcast @queue }
report threads => sum map { $_->join } @workers;

# children, pipes, sockets; sleeps that an alarm cuts short, and ones that nothing may cut short
my @answers = map { my $n = $_;
    socketpair my $us, my $them, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die; my $pid = fork // die;
    if (!$pid) { $them->autoflush; my $line = <$them>; print $them sha1_hex($line . join ',', map "$_$n", 1 .. 2000), "\n"; exit $n }
    close $them; $us->autoflush; print $us "to $n\n"; my $answer = <$us>; waitpid $pid, 0; chomp $answer; $answer . '/' . ($? >> 8) } 1 .. 5;
report forks => sha1_hex "@answers";
my $ticks = 0; local $SIG{ALRM} = sub { $ticks++; my @junk = map { [ 1 .. 10 ] } 1 .. 50 };
setitimer(ITIMER_REAL, 0.005, 0.005); while ($ticks < 20) { my %junk = map { $_ => [$_] } 1 .. 100 } setitimer(ITIMER_REAL, 0);
report alarms => 'arrived';
report slept => sleep(0.05) >= 0.049 ? 'fully' : 'interrupted';
report system => system('exit 3;') >> 8, `printf 'from a child'`;
