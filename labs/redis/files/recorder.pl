#!/usr/bin/perl
# Records the commands that clients send to Redis, in order, so that checks can see how a value came about.
#
# Redis reports every command it executes to MONITOR. Left out are the connections of roadlab's checks, which begin with
# CLIENT NO-TOUCH ON, and this program's own. The record is kept in a file of the data folder, so that it outlives a crash of
# the server. It holds at most MOST_LINES commands; when it is full, or when commands were missed, it is incomplete,
# and no check that needs it passes until the lab is reset.
#
# It answers over HTTP, after it has seen everything that was executed before the request:
#   POST /begin             forgets everything: the lab's starting point
#   GET  /ready             whether it is recording
#   GET  /counted?…         and the other verdicts below: { "value": true or false, "how": a code for hints }
#
# It needs nothing but the Perl that each Debian image contains.

use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;

use constant MOST_LINES => 20_000;
use constant MOST_BYTES => 4_000_000;
use constant LONGEST_WORD => 2_000;
my $FILE = '/data/commands.log';

$SIG{PIPE} = 'IGNORE';

sub names { return map { $_ => 1 } @_ }

# Commands that say nothing about how a value came about; they are not recorded.
my %IGNORED = names qw(
    HELLO CLIENT PING INFO COMMAND SELECT ECHO DBSIZE TIME TTL PTTL TYPE OBJECT MEMORY XINFO XPENDING XRANGE XREVRANGE XLEN
    LLEN LASTSAVE ROLE WAIT WAITAOF QUIT SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUBLISH AUTH RANDOMKEY SCARD ZCARD HLEN
    ZRANGE ZSCORE ZMSCORE ZREVRANK ZRANK SMEMBERS SISMEMBER SINTER SINTERCARD SDIFF SUNION HTTL EXPIRETIME HSTRLEN
);
# Commands that read keys. The first group shows a value that a program can decide on.
my %LOOKS = names qw(GET MGET GETEX GETRANGE STRLEN HGET HMGET HGETALL HVALS LRANGE LINDEX LPOS);
my %READS = (%LOOKS, names qw(EXISTS KEYS SCAN HSCAN SSCAN ZSCAN HEXISTS HKEYS DUMP TOUCH WATCH));
# Commands that change only the time to live.
my %ENDS = names qw(EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST GETEX HEXPIRE HPEXPIRE HPERSIST HEXPIREAT);
my %SCRIPTS = names qw(EVAL EVALSHA FCALL EVAL_RO EVALSHA_RO FCALL_RO);

# ---- The record ---------------------------------------------------------------------------------------------------------

# Units of commands that were executed together: { kind, commands, … }. `kind` is `single`, `script`, `transaction`, `look`
# (a watched key was read) or `start` (the server was started, with the values that it found). A command is
# { db, name, words }. `seen` of a transaction are the keys that were watched and read before it: nobody else changed them.
my @units;
my ($lines, $bytes, $incomplete, $run) = (0, 0, 0, '');
my (%clients, %silent, $script);

my $log;

sub store {
    my ($mode, $line) = @_;
    if (!$log || $mode eq '>') {
        open($log, $mode, $FILE) or die "cannot write $FILE: $!\n";
        $log->autoflush(1);
    }
    print $log "$line\n";
}

sub forget {
    (@units, %clients) = ();
    ($lines, $bytes, $incomplete, $script) = (0, 0, 0, undef);
    store('>', "# run $run");
}

sub keep {
    my ($line) = @_;
    return if $incomplete;
    $lines += 1;
    $bytes += length $line;
    if ($lines > MOST_LINES || $bytes > MOST_BYTES) {
        $line = '# incomplete';
        $incomplete = 1;
        @units = ();
    }
    store('>>', $line);
}

my %ESCAPES = (n => "\n", r => "\r", t => "\t", a => "\a", b => "\b");

sub words_of {
    my ($text) = @_;
    my @words;
    while ($text =~ /"((?:[^"\\]|\\.)*)"/gs) {
        my $word = $1;
        $word =~ s/\\(?:x([0-9a-fA-F]{2})|(.))/defined $1 ? chr hex $1 : $ESCAPES{$2} \/\/ $2/ge;
        push @words, $word;
    }
    return @words;
}

sub quoted {
    return join ' ', map { my $w = $_; $w =~ s/([\\"])/\\$1/g; $w =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge; qq("$w") } @_;
}

# Takes in a line of MONITOR, or of the file. `$stored`: it comes from the file.
sub take {
    my ($line, $stored) = @_;
    my ($db, $client, $rest) = $line =~ /^\S+ \[(\d+) (\S+)\] (".*)$/s or return;
    my ($name, @words) = words_of($rest);
    $name = uc $name;
    if ($client eq 'lua') {
        return if !$script || $IGNORED{$name};
        keep($line) if !$stored;
        push @{ $script->{commands} }, { db => $db, name => $name, words => \@words };
        return;
    }
    $script = undef;
    if ($name eq 'CLIENT' && uc($words[0] // '') eq 'NO-TOUCH') {
        if (uc($words[1] // '') eq 'ON') { $silent{$client} = 1 }
        else { delete $silent{$client} }
    }
    return if $silent{$client} || $IGNORED{$name};
    if (!$stored) {
        if (length $line > 2 * LONGEST_WORD) {
            $rest = quoted($name, map { substr $_, 0, LONGEST_WORD } @words);
            $line = "0 [$db $client] $rest";
        }
        keep($line);
    }
    return if $incomplete;

    my $state = $clients{$client} //= { watched => {}, seen => {} };
    my $end = sub { delete $clients{$client} };
    if ($name eq 'MULTI') {
        # Commands that Redis queues are reported when EXEC executes them.
        $state->{multi} = { kind => 'transaction', seen => { %{ $state->{seen} } }, commands => [] };
        return;
    }
    if ($name eq 'EXEC') {
        push @units, $state->{multi} if $state->{multi} && @{ $state->{multi}{commands} };
        return $end->();
    }
    return $end->() if $name eq 'DISCARD' || $name eq 'UNWATCH' || $name eq 'RESET';
    if ($name eq 'WATCH') {
        $state->{watched}{"$db $_"} = 1 for @words;
        return;
    }
    my $command = { db => $db, name => $name, words => \@words };
    if ($SCRIPTS{$name}) {
        $script = { kind => 'script', call => $command, commands => [] };
        push @units, $script;
        return;
    }
    if ($state->{multi}) {
        push @{ $state->{multi}{commands} }, $command;
        return;
    }
    if ($LOOKS{$name}) {
        for my $word (grep { $state->{watched}{"$db $_"} } @words) {
            $state->{seen}{"$db $word"} = 1;
            push @units, { kind => 'look', key => "$db $word", commands => [] };
        }
    }
    push @units, { kind => 'single', commands => [$command] };
}

# Takes in a line that this program wrote itself: the server was started, or commands were missed.
sub take_note {
    my ($line) = @_;
    if ($line =~ /^# run (\S+)/) { $run = $1 }
    elsif ($line =~ /^# start (\S+)/) {
        $run = $1;
        %clients = ();
        push @units, { kind => 'start', values => {}, commands => [] };
    }
    elsif ($line =~ /^# value (.*)/ && @units) {
        my ($key, $type, @items) = words_of($1);
        $units[-1]{values}{$key} = { type => $type, items => \@items };
    }
    elsif ($line =~ /^# incomplete/) { $incomplete = 1 }
}

sub note {
    my ($line) = @_;
    keep($line);
    take_note($line);
}

sub load {
    open(my $file, '<', $FILE) or return;
    while (my $line = <$file>) {
        chomp $line;
        $lines += 1;
        $bytes += length $line;
        if ($line =~ /^#/) { take_note($line) }
        else { take($line, 1) }
    }
    close $file;
}

# ---- Verdicts -----------------------------------------------------------------------------------------------------------

sub is_number { return defined $_[0] && $_[0] =~ /^-?\d+(\.\d+)?$/ }

sub same_value {
    my ($one, $other) = map { $_ // 0 } @_;
    return is_number($one) && is_number($other) ? $one == $other : $one eq $other;
}

sub mentions {
    my ($command, $key) = @_;
    return scalar grep { $_ eq $key } @{ $command->{words} };
}

# Whether this unit has looked at the key in such a way that nobody else can have changed it before the unit writes.
sub has_looked {
    my ($unit, $key, $upto) = @_;
    return $unit->{seen}{"0 $key"} if $unit->{kind} eq 'transaction';
    return 0 if $unit->{kind} ne 'script';
    for my $command (@{ $unit->{commands} }) {
        last if $upto && $command == $upto;
        next if $command->{db} != 0 || !mentions($command, $key);
        return 1 if $LOOKS{ $command->{name} } || $command->{name} eq 'EXISTS';
    }
    return 0;
}

# What a command makes of strings, or of one field of hashes: pairs of a key and [ what, value ]. `what` is `write`, `add`,
# `remove`, `rename` or `copy`; a value that cannot be told is undefined.
sub effects {
    my ($command, $field, $exists) = @_;
    my ($name, @w) = ($command->{name}, @{ $command->{words} });
    return () if $READS{$name} || $ENDS{$name} || $SCRIPTS{$name};
    return map { $_ => ['remove'] } @w if $name =~ /^(DEL|UNLINK|GETDEL)$/;
    return ('*' => ['remove']) if $name =~ /^FLUSH(ALL|DB)$/;
    return ($w[0] => [ 'rename', $w[1] ]) if $name =~ /^RENAME(NX)?$/;
    return ($w[0] => [ 'copy', $w[1] ]) if $name eq 'COPY';
    if (defined $field) {
        if ($name =~ /^H(M?SET|SETNX)$/) {
            my ($key, %pairs) = (shift @w, (@w % 2 ? (@w, '') : @w));
            return exists $pairs{$field} ? ($key => [ 'write', $pairs{$field} ]) : ();
        }
        return $w[1] eq $field ? ($w[0] => [ 'add', $w[2] ]) : () if $name =~ /^HINCRBY(FLOAT)?$/;
        return (grep { $_ eq $field } @w[ 1 .. $#w ]) ? ($w[0] => ['remove']) : () if $name eq 'HDEL';
        return map { $_ => ['write'] } @w;
    }
    if ($name eq 'SET') {
        my %options = names map { uc } @w[ 2 .. $#w ];
        return () if $options{NX} && $exists->($w[0]) || $options{XX} && !$exists->($w[0]);
        return ($w[0] => [ 'write', $w[1] ]);
    }
    return $exists->($w[0]) ? () : ($w[0] => [ 'write', $w[1] ]) if $name eq 'SETNX';
    return ($w[0] => [ 'write', $w[1] ]) if $name eq 'GETSET';
    return ($w[0] => [ 'write', $w[2] ]) if $name =~ /^P?SETEX$/;
    if ($name =~ /^MSET(NX)?$/) {
        my @pairs;
        return () if $1 && grep { $_ % 2 == 0 && $exists->($w[$_]) } 0 .. $#w;
        while (@w > 1) { push @pairs, shift(@w) => [ 'write', shift @w ] }
        return @pairs;
    }
    return ($w[0] => [ 'add', 1 ]) if $name eq 'INCR';
    return ($w[0] => [ 'add', -1 ]) if $name eq 'DECR';
    return ($w[0] => [ 'add', $w[1] ]) if $name =~ /^INCRBY(FLOAT)?$/;
    return ($w[0] => [ 'add', is_number($w[1]) ? -$w[1] : undef ]) if $name eq 'DECRBY';
    return map { $_ => ['write'] } @w;
}

# Follows the values of keys in database 0 through the record. `$start`: their values at the starting point. `$on` is called
# for each change, with the name of the key, its state before, the effect and the unit; it returns the rest of the new state.
sub follow {
    my ($start, $field, $on, $after_unit) = @_;
    my %state = map { $_ => { value => $start->{$_} } } keys %$start;
    my $exists = sub { return defined $state{ $_[0] } && defined $state{ $_[0] }{value} };
    for my $unit (@units) {
        my %before = %state;
        if ($unit->{kind} eq 'start') {
            for my $key (keys %$start) {
                my $found = $unit->{values}{$key};
                my $value;
                if ($found && !defined $field) { $value = $found->{items}[0] if $found->{type} eq 'string' }
                elsif ($found && $found->{type} eq 'hash') { $value = { @{ $found->{items} } }->{$field} }
                $state{$key} = { %{ $state{$key} // {} }, value => $value, $on->($key, $state{$key}, [ 'found', $value ], $unit) };
            }
        }
        for my $command (@{ $unit->{commands} }) {
            next if $command->{db} != 0 && $command->{name} ne 'FLUSHALL';
            my @effects = effects($command, $field, $exists);
            while (my ($key, $effect) = splice @effects, 0, 2) {
                my ($what, $value) = @$effect;
                if ($what eq 'rename' || $what eq 'copy') {
                    $state{$value} = $state{$key} // { value => undef };
                    $state{$key} = { value => undef } if $what eq 'rename';
                    next;
                }
                for my $name ($key eq '*' ? keys %state : $key) {
                    my $old = $state{$name} // {};
                    my $new = $value;
                    if ($what eq 'add') {
                        next if !is_number($value) || defined $old->{value} && !is_number($old->{value});
                        $new = ($old->{value} // 0) + $value;
                    }
                    elsif ($what eq 'write') { $new //= '?' }
                    my %more = $on->($name, $old, [ $what, $new ], $unit, $command);
                    $state{$name} = { %$old, value => $new, %more };
                }
            }
        }
        $after_unit->($unit, \%before, \%state) if $after_unit;
    }
    return \%state;
}

# Whether a number was changed in steps that read, calculate and write at once, from its value at the starting point on.
sub counted {
    my (%q) = @_;
    my $start = $q{field} ? $q{start} : $q{start} // 0;
    my $on = sub {
        my ($key, $old, $effect, $unit, $command) = @_;
        my ($what, $value) = @$effect;
        my $honest = $old->{honest} // 1;
        my $is_start = same_value($value, $start);
        return (honest => $is_start || $honest) if $what eq 'found';
        if ($what eq 'add') {
            # Who adds to nothing what should be there has calculated.
            $honest = 0 if !defined $old->{value} && !same_value(0, $start);
            return (honest => $honest || $is_start, moved => 1);
        }
        return (honest => $honest, moved => 1) if $what eq 'write' && has_looked($unit, $q{key}, $command);
        return (honest => $is_start || ($what eq 'remove' && $q{field}), moved => 0);
    };
    my $state = follow({ $q{key} => $q{field} ? undef : $q{start} }, $q{field}, $on)->{ $q{key} };
    return (0, 'written') if !($state->{honest} // 1);
    return (1, 'counted') if $state->{moved};
    return (0, 'nothing');
}

# Whether a default value was offered for the case that there is none.
sub offered {
    my (%q) = @_;
    my $how = 'nothing';
    for my $unit (@units) {
        for my $command (@{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            my $offers = $name eq 'SETNX' || $name eq 'SET' && grep { uc $_ eq 'NX' } @w[ 2 .. $#w ];
            my %pairs = $name eq 'MSETNX' && @w % 2 == 0 ? @w : $offers ? @w[ 0, 1 ] : ();
            my $value = $pairs{ $q{key} } // next;
            return (0, 'database') if $command->{db} != 0 && $how eq 'nothing';
            next if $command->{db} != 0;
            return (1, 'offered') if $value eq $q{value};
            $how = 'other';
        }
        # A script that looks whether there is a value writes only if there is none.
        if ($unit->{kind} eq 'script' && has_looked($unit, $q{key})) {
            my $text = join ' ', @{ $unit->{call}{words} };
            return (1, 'offered') if $text =~ /(?<!\d)\Q$q{value}\E(?!\d)/ && $text =~ /\bSET(NX)?\b/i && $text =~ /\bif\b/;
        }
    }
    return (0, $how);
}

# Whether two numbers were changed together, in a unit that had looked at the first one.
sub moved {
    my (%q) = @_;
    my %start = ($q{from} => $q{from_start}, $q{to} => $q{to_start});
    my ($value, $how) = (0, 'nothing');
    follow(
        \%start, undef,
        sub { return () },
        sub {
            my ($unit, $before, $after) = @_;
            my @changed = grep { !same_value($before->{$_}{value}, $after->{$_}{value}) } keys %start;
            return if !@changed || $unit->{kind} eq 'start';
            my @not_start = grep { !same_value($before->{$_}{value}, $start{$_}) } keys %start;
            ($value, $how) =
                  !grep({ !same_value($after->{$_}{value}, $start{$_}) } keys %start) ? (0, 'nothing')
                : @changed < 2 || @not_start ? (0, 'one-by-one')
                : has_looked($unit, $q{from}) ? (1, 'together')
                :                               (0, 'not-watched');
        }
    );
    return ($value, $how);
}

# Whether a member of a list came into another one in the same step in which it left the first.
sub taken {
    my (%q) = @_;
    my %lists = ($q{from} => [ split /,/, $q{start} ], $q{to} => []);
    my %arrived;
    my $last = 'nothing';
    for my $unit (@units) {
        if ($unit->{kind} eq 'start') {
            for my $key ($q{from}, $q{to}) {
                my $found = $unit->{values}{$key};
                $lists{$key} = $found && $found->{type} eq 'list' ? [ @{ $found->{items} } ] : [];
            }
        }
        my (@left, @came);
        my $remove = sub {
            my ($key, $right) = @_;
            my $job = $right ? pop @{ $lists{$key} //= [] } : shift @{ $lists{$key} //= [] };
            push @left, $job if defined $job && $key eq $q{from};
            return $job;
        };
        for my $command (grep { $_->{db} == 0 || $_->{name} eq 'FLUSHALL' } @{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            my $add = sub {
                my ($key, $right, @jobs) = @_;
                for my $job (@jobs) {
                    if ($right) { push @{ $lists{$key} }, $job }
                    else { unshift @{ $lists{$key} }, $job }
                    push @came, $job if $key eq $q{to};
                }
            };
            my $filter = sub {
                my ($key, @kept) = @_;
                my %kept;
                $kept{$_}++ for @kept;
                if ($key eq $q{from}) { ($kept{$_} // 0) > 0 ? $kept{$_}-- : push @left, $_ for @{ $lists{$key} // [] } }
                $lists{$key} = \@kept;
            };
            if ($name =~ /^B?LMOVE$|^B?RPOPLPUSH$/) {
                my $job = $remove->($w[0], $name =~ /RPOP/ || uc($w[2] // '') eq 'RIGHT');
                next if !defined $job;
                $add->($w[1], $name !~ /RPOP/ && uc($w[3] // '') eq 'RIGHT', $job);
                $arrived{$job} = 1 if $w[0] eq $q{from} && $w[1] eq $q{to};
                @came = grep { $_ ne $job } @came if $w[1] eq $q{to};
                $last = 'moved' if $w[0] eq $q{from} && $w[1] eq $q{to};
            }
            elsif ($name =~ /^([LR])PUSH(X?)$/) { $add->($w[0], $1 eq 'R', @w[ 1 .. $#w ]) if !$2 || @{ $lists{ $w[0] } // [] } }
            elsif ($name =~ /^([LR])POP$/) { $remove->($w[0], $1 eq 'R') for 1 .. ($w[1] // 1) }
            elsif ($name =~ /^B([LR])POP$/) {
                my ($key) = grep { @{ $lists{$_} // [] } } @w[ 0 .. $#w - 1 ];
                $remove->($key, $1 eq 'R') if defined $key;
            }
            elsif ($name =~ /^B?LMPOP$/) {
                my ($key) = grep { @{ $lists{$_} // [] } } @w;
                my $count = uc($w[-2]) eq 'COUNT' ? $w[-1] : 1;
                if (defined $key) { $remove->($key, scalar grep { uc $_ eq 'RIGHT' } @w) for 1 .. $count }
            }
            elsif ($name eq 'LREM') {
                my @list = @{ $lists{ $w[0] } // [] };
                @list = reverse @list if $w[1] < 0;
                my $count = abs($w[1]) || @list;
                @list = grep { !($_ eq $w[2] && $count-- > 0) } @list;
                $filter->($w[0], $w[1] < 0 ? reverse @list : @list);
            }
            elsif ($name eq 'LINSERT') {
                my @list = @{ $lists{ $w[0] } // [] };
                my ($at) = grep { $list[$_] eq $w[2] } 0 .. $#list;
                next if !defined $at;
                splice @list, uc $w[1] eq 'AFTER' ? $at + 1 : $at, 0, $w[3];
                $lists{ $w[0] } = \@list;
                push @came, $w[3] if $w[0] eq $q{to};
            }
            elsif ($name eq 'LSET') {
                my $list = $lists{ $w[0] } // [];
                next if $w[1] > $#$list || $w[1] < -@$list;
                push @left, $list->[ $w[1] ] if $w[0] eq $q{from};
                $list->[ $w[1] ] = $w[2];
                push @came, $w[2] if $w[0] eq $q{to};
            }
            elsif ($name eq 'LTRIM') {
                my @list = @{ $lists{ $w[0] } // [] };
                my ($first, $final) = map { $_ < 0 ? $_ + @list : $_ } @w[ 1, 2 ];
                $final = $#list if $final > $#list;
                $filter->($w[0], @list[ ($first < 0 ? 0 : $first) .. $final ]);
            }
            elsif ($name =~ /^(DEL|UNLINK)$/) { $filter->($_) for @w }
            elsif ($name =~ /^FLUSH/) { $filter->($_) for keys %lists }
            elsif ($name =~ /^RENAME/ || $name eq 'COPY') {
                $lists{ $w[1] } = [ @{ $lists{ $w[0] } // [] } ];
                push @came, @{ $lists{ $w[1] } } if $w[1] eq $q{to};
                $lists{ $w[0] } = [] if $name ne 'COPY';
            }
        }
        my %left = names @left;
        for my $job (@came) {
            $arrived{$job} = $unit->{kind} ne 'single' && $left{$job} ? 1 : 0;
            $last = $arrived{$job} ? 'moved' : 'two-steps' if $job eq $q{job};
        }
        # A member that is gone from the second list has to arrive again.
        my %there = names @{ $lists{ $q{to} } // [] };
        delete $arrived{$_} for grep { !$there{$_} } keys %arrived;
        $last = 'two-steps' if !$there{ $q{job} } && grep { $_ eq $q{job} } @left;
    }
    return (1, 'moved') if $arrived{ $q{job} };
    return (0, $last eq 'moved' ? 'nothing' : $last);
}

# Whether a script compares something, as far as its text is known.
sub compares {
    my ($unit) = @_;
    return $unit->{call}{name} !~ /^EVAL(_RO)?$/ || $unit->{call}{words}[0] =~ /==|~=/;
}

# Whether a key was removed in one step with the comparison of its value.
sub released {
    my (%q) = @_;
    my ($there, $value, $how) = (1, 0, 'nothing');
    for my $unit (@units) {
        $there = exists $unit->{values}{ $q{key} } if $unit->{kind} eq 'start';
        for my $command (grep { $_->{db} == 0 && mentions($_, $q{key}) || $_->{name} =~ /^FLUSH/ } @{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            next if $READS{$name} && !$ENDS{$name};
            if ($name =~ /^(SET|SETNX|SETEX|PSETEX|GETSET|MSET|MSETNX)$/) {
                $there = 1;
                # It may end by itself, before anything is compared.
                ($value, $how) = (0, 'deleted') if $name =~ /EX$/ || grep { /^(EX|PX|EXAT|PXAT)$/i } @w;
                next;
            }
            next if !$there;
            my $compared =
                $name eq 'DELEX' ? scalar grep({ uc $_ eq 'IFEQ' } @w)
                : has_looked($unit, $q{key}, $command) && ($unit->{kind} ne 'script' || compares($unit));
            ($value, $how) = $compared ? (1, 'compared') : (0, 'deleted');
            $there = $name !~ /^(DEL|UNLINK|GETDEL|DELEX|RENAME|RENAMENX|MOVE|FLUSHALL|FLUSHDB)$/;
        }
    }
    return ($value, $how);
}

# Whether the release of a lock was tried on a key: compared with the name of its owner, and left alone.
sub tried {
    my (%q) = @_;
    for my $unit (@units) {
        return (1, 'tried') if $unit->{kind} eq 'look' && $unit->{key} eq "0 $q{key}";
        if ($unit->{kind} eq 'script' && has_looked($unit, $q{key}) && compares($unit)) {
            my ($first, @rest) = @{ $unit->{call}{words} };
            my $text = join ' ', @rest, $unit->{call}{name} =~ /^EVAL(_RO)?$/ ? $first : ();
            return (1, 'tried') if index($text, $q{owner}) >= 0;
        }
        for my $command (@{ $unit->{commands} }) {
            return (1, 'tried') if $command->{name} eq 'DELEX' && $command->{db} == 0 && mentions($command, $q{key}) && mentions($command, $q{owner});
        }
    }
    return (0, 'nothing');
}

# Whether keys were found with SCAN to the end, and only then put into a set.
sub walked {
    my (%q) = @_;
    my @members = split /,/, $q{members};
    my (%cursors, %noted, $begun, $keys, $at);
    my $fits = sub {
        my ($glob) = @_;
        my $pattern = join '', map { $_ eq '*' ? '.*' : $_ eq '?' ? '.' : /^\[/ ? $_ : quotemeta } $glob =~ /(\[[^\]]*\]|.)/gs;
        return scalar grep { /^$pattern$/s } @members;
    };
    for my $unit (@units) {
        for my $command (@{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            next if $command->{db} != $q{db};
            $at += 1;
            if ($name eq 'KEYS' && $fits->($w[0] // '')) {
                (%cursors, $begun) = ();
                $keys = 1;
            }
            elsif ($name eq 'SCAN') {
                my %options;
                for my $i (1 .. $#w - 1) { $options{ uc $w[$i] } = $w[ $i + 1 ] }
                next if defined $options{MATCH} && !$fits->($options{MATCH});
                next if uc($options{TYPE} // 'string') ne 'STRING';
                $begun //= $at if $w[0] eq '0';
                $cursors{"@w"} = [ $at, @w ] if $begun;
            }
            elsif (mentions($command, $q{set}) && !$READS{$name}) {
                for my $member (@members) {
                    $noted{$member} = $at if mentions($command, $member);
                }
            }
        }
    }
    return (0, $keys ? 'keys' : 'nothing') if !$begun;
    # The last cursors of a walk lead to 0.
    my $done = 0;
    for my $step (sort { $b->[0] <=> $a->[0] } values %cursors) {
        my ($reply) = ask_in($q{db}, 'SCAN', @$step[ 1 .. $#$step ]);
        last if $done = ref $reply eq 'ARRAY' && $reply->[0] eq '0';
    }
    return (0, $keys ? 'keys' : 'part') if !$done;
    return (0, 'noted-before') if grep { ($noted{$_} // $begun) < $begun } @members;
    return (1, 'scanned');
}

# Whether a consumer of a group was given the entries of a stream.
sub received {
    my (%q) = @_;
    my @wanted = split /,/, $q{ids};
    my @entries = @wanted;
    my ($group, %to, $somebody);
    my $position = sub {
        my ($id) = @_;
        return scalar @entries if $id eq '$';
        my ($number, $part) = split /-/, $id;
        for my $i (reverse 0 .. $#entries) {
            my ($n, $p) = split /-/, $entries[$i];
            return $i + 1 if $n < $number || $n == $number && ($p // 0) <= ($part // 0);
        }
        return 0;
    };
    for my $unit (@units) {
        if ($unit->{kind} eq 'start') {
            my %groups = @{ ($unit->{values}{ $q{key} } // {})->{items} // [] };
            $group = defined $groups{ $q{group} } ? $position->($groups{ $q{group} }) : undef;
            %to = () if !defined $group;
            $somebody = undef if !defined $group;
        }
        for my $command (grep { $_->{db} == 0 } @{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            my @upper = map { uc } @w;
            if ($name eq 'XADD' && $w[0] eq $q{key}) {
                my ($id) = grep { /^\*$|^\d+(-(\d+|\*))?$/ } @w[ 1 .. $#w ];
                push @entries, $id =~ /^\d+-\d+$/ ? $id : '9999999999999999-0' if defined $id;
            }
            elsif ($name eq 'XDEL' && $w[0] eq $q{key}) {
                my %gone = names @w;
                my $read = grep { !$gone{ $entries[$_] } } 0 .. ($group // 0) - 1;
                @entries = grep { !$gone{$_} } @entries;
                $group = $read if defined $group;
            }
            elsif ($name =~ /^(DEL|UNLINK)$/ && mentions($command, $q{key})) {
                @entries = %to = ();
                $group = undef;
            }
            elsif ($name eq 'XGROUP' && ($w[1] // '') eq $q{key} && ($w[2] // '') eq $q{group}) {
                $group = $position->($w[3]) if $upper[0] eq 'SETID' || $upper[0] eq 'CREATE' && !defined $group;
                if ($upper[0] eq 'DESTROY') {
                    $group = undef;
                    %to = ();
                }
            }
            elsif ($name eq 'XREADGROUP' && ($w[1] // '') eq $q{group} && defined $group) {
                my ($streams) = grep { $upper[$_] eq 'STREAMS' } 0 .. $#w;
                my @rest = @w[ ($streams // $#w) + 1 .. $#w ];
                my ($at) = grep { $rest[$_] eq $q{key} } 0 .. @rest / 2 - 1;
                next if !defined $at || $rest[ $at + @rest / 2 ] ne '>';
                my ($count) = map { $w[ $_ + 1 ] } grep { $upper[$_] eq 'COUNT' } 0 .. $streams - 1;
                my $upto = defined $count && $group + $count < @entries ? $group + $count : @entries;
                $to{ $entries[$_] } = $w[2] for $group .. $upto - 1;
                $somebody = 1 if $upto > $group;
                $group = $upto;
            }
            elsif ($name eq 'XCLAIM' && $w[0] eq $q{key} && $w[1] eq $q{group}) {
                for my $id (@w[ 4 .. $#w ]) { $to{$id} = $w[2] if exists $to{$id} }
            }
            elsif ($name eq 'XAUTOCLAIM' && $w[0] eq $q{key} && $w[1] eq $q{group}) {
                $to{$_} = $w[2] for keys %to;
            }
        }
    }
    my $got = grep { ($to{$_} // '') eq $q{consumer} } @wanted;
    return (1, 'received') if $got == @wanted;
    return (0, $got ? 'some' : $somebody ? 'another' : 'nothing');
}

# Whether a key is there that nobody has written since the server was started: it was found in the files.
sub found {
    my (%q) = @_;
    my ($there) = ask_in(0, 'EXISTS', $q{key});
    return (0, 'absent') if !$there;
    for my $unit (reverse @units) {
        return (1, 'found') if $unit->{kind} eq 'start';
        for my $command (grep { $_->{db} == 0 && mentions($_, $q{key}) } @{ $unit->{commands} }) {
            return (0, 'written') if !$READS{ $command->{name} } && !$ENDS{ $command->{name} };
        }
    }
    return (0, 'written');
}

my %VERDICTS = (
    counted => \&counted, offered => \&offered, moved => \&moved, taken => \&taken, released => \&released,
    tried => \&tried, walked => \&walked, received => \&received, found => \&found,
);

# ---- Redis --------------------------------------------------------------------------------------------------------------

my ($monitor, $control, $monitored, $received);

sub lost { die "the connection to Redis is lost\n" }

sub request { return join '', '*' . @_ . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @_ }

sub read_line {
    while ($received !~ /^(.*?)\r\n/s) {
        IO::Select->new($control)->can_read(5) or lost();
        sysread($control, $received, 65536, length $received) or lost();
    }
    $received =~ s/^(.*?)\r\n//s;
    return $1;
}

sub reply {
    my ($kind, $rest) = read_line() =~ /^(.)(.*)$/s;
    return $rest if $kind eq '+' || $kind eq ':';
    return undef if $kind eq '-' || $rest < 0;
    if ($kind eq '*') { return [ map { reply() } 1 .. $rest ] }
    while (length $received < $rest + 2) {
        IO::Select->new($control)->can_read(5) or lost();
        sysread($control, $received, 65536, length $received) or lost();
    }
    my $text = substr $received, 0, $rest;
    substr($received, 0, $rest + 2) = '';
    return $text;
}

# Sends commands in one piece, which Redis executes without anything in between, and returns the replies.
sub ask {
    my (@commands) = @_;
    syswrite($control, join '', map { request(@$_) } @commands) or lost();
    return map { reply() } @commands;
}

sub ask_in {
    my ($db, @command) = @_;
    my (undef, $reply) = ask([ 'SELECT', $db ], \@command, [ 'SELECT', 0 ]);
    return $reply;
}

sub dial {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1:6379', Timeout => 1) || die "Redis does not listen yet\n";
}

sub connect_to_redis {
    ($monitored, $received) = ('', '');
    ($control, $monitor) = (dial(), dial());
    ask([qw(CLIENT NO-TOUCH ON)]);
    my ($info) = ask([qw(INFO server)]);
    my ($id) = ($info // '') =~ /run_id:(\w+)/ or die "Redis is not ready yet\n";
    die "Redis is still loading\n" if !defined((ask([qw(DBSIZE)]))[0]);
    syswrite($monitor, "MONITOR\r\n") or lost();
    IO::Select->new($monitor)->can_read(5) or lost();
    # The two lines of the own connection are not seen by MONITOR, which came later.
    $silent{ $control->sockhost . ':' . $control->sockport } = 1;
    if ($id eq $run) { note('# incomplete') }
    else {
        note("# start $id");
        my ($keys) = ask([qw(SCAN 0 COUNT 1000)]);
        for my $key (@{ $keys->[1] // [] }) {
            my ($type) = ask([ 'TYPE', $key ]);
            my %read = (
                string => [ 'GET', $key ],
                list => [ 'LRANGE', $key, 0, -1 ],
                hash => [ 'HGETALL', $key ],
                stream => [ 'XINFO', 'GROUPS', $key ],
            );
            my ($found) = $read{$type} ? ask($read{$type}) : ();
            # Of a stream, the groups and the last entry that each was given.
            $found = [ map { my %group = @$_; @group{qw(name last-delivered-id)} } @$found ] if $type eq 'stream';
            note('# value ' . quoted($key, $type, map { substr $_ // '', 0, LONGEST_WORD } ref $found ? @$found : $found // ()));
        }
    }
}

# ---- HTTP ---------------------------------------------------------------------------------------------------------------

my (%requests, @waiting);
my $marker = 0;

sub respond {
    my ($socket, $status, $body) = @_;
    syswrite $socket, "HTTP/1.1 $status\r\nContent-Type: application/json\r\nContent-Length: " . length($body)
        . "\r\nConnection: close\r\n\r\n$body";
    close $socket;
}

sub decoded {
    my ($text) = @_;
    $text =~ tr/+/ /;
    $text =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
    return $text;
}

sub answer {
    my ($socket, $method, $path, $query) = @_;
    if ($path eq '/begin' && $method eq 'POST') {
        forget();
        return respond($socket, '200 OK', '{"value": true}');
    }
    if ($path eq '/ready') {
        return respond($socket, '200 OK', sprintf '{"value": true, "complete": %s, "lines": %d}', $incomplete ? 'false' : 'true', $lines);
    }
    my $verdict = $VERDICTS{ substr $path, 1 } // return respond($socket, '404 Not Found', '{"error": "no such page"}');
    my %query = map { my ($name, $value) = split /=/, $_, 2; decoded($name) => decoded($value // '') } split /&/, $query;
    my ($value, $how) = $incomplete ? (0, 'incomplete') : $verdict->(%query);
    respond($socket, '200 OK', sprintf '{"value": %s, "how": "%s"}', $value ? 'true' : 'false', $how);
}

# A request is answered when what was executed before it has come in: the marker comes after it. The list of connections is
# taken at the same moment; what is not in it has ended.
sub mark {
    my (@requests) = @_;
    $marker += 1;
    my ($clients) = ask([qw(CLIENT LIST)], [ 'ECHO', "recorder $$ $marker" ]);
    my %open = names(($clients // '') =~ /\baddr=(\S+)/g);
    push @waiting, { marker => "recorder $$ $marker", open => \%open, requests => \@requests };
}

sub passed {
    my ($text) = @_;
    return if !@waiting || $waiting[0]{marker} ne $text;
    my $mark = shift @waiting;
    for my $ended (grep { !$mark->{open}{$_} } keys %silent, keys %clients) {
        delete $silent{$ended};
        delete $clients{$ended};
    }
    answer(@$_) for @{ $mark->{requests} };
}

load();
my $server = IO::Socket::INET->new(LocalPort => 8080, Listen => 64, ReuseAddr => 1) or die "cannot listen: $!\n";
$server->blocking(0);

while (1) {
    my $up = eval {
        connect_to_redis() if !$monitor;
        1;
    };
    if (!$up) { ($monitor, $control) = () }
    my $select = IO::Select->new(grep { defined } $server, $monitor, map { $_->{socket} } values %requests);
    my @parsed;
    for my $socket ($select->can_read($monitor ? undef : 0.02)) {
        if ($socket == $server) {
            while (my $client = $server->accept) { $requests{ fileno $client } = { socket => $client, text => '' } }
        }
        elsif ($monitor && $socket == $monitor) {
            my $got = sysread $monitor, $monitored, 262144, length $monitored;
            if (!$got) {
                respond($_->[0], '503 Service Unavailable', '{"error": "Redis does not answer"}') for map { @{ $_->{requests} } } @waiting;
                @waiting = %silent = ();
                ($monitor, $control) = ();
                next;
            }
            while ($monitored =~ s/^\+?(.*?)\r\n//) {
                my $line = $1;
                if ($line =~ /"ECHO" "(recorder \d+ \d+)"$/) {
                    eval { passed($1); 1 } or ($monitor, $control) = ();
                }
                else { take($line) }
            }
        }
        else {
            my $request = $requests{ fileno $socket } or next;
            my $got = sysread $socket, $request->{text}, 65536, length $request->{text};
            my $whole = $request->{text} =~ /\r\n\r\n/;
            next if $got && !$whole && length $request->{text} < 65536;
            delete $requests{ fileno $socket };
            my ($method, $path, $query) = $request->{text} =~ m{^([A-Z]+) (/[^ ?]*)\??(\S*) HTTP/};
            if (!$whole || !$method) { close $socket }
            elsif (!$monitor) { respond($socket, '503 Service Unavailable', '{"error": "Redis does not answer"}') }
            else { push @parsed, [ $socket, $method, $path, $query ] }
        }
    }
    if (@parsed && !($monitor && eval { mark(@parsed); 1 })) {
        respond($_->[0], '503 Service Unavailable', '{"error": "Redis does not answer"}') for @parsed;
        ($monitor, $control) = ();
    }
}
