#!/usr/bin/perl
# Records the commands that clients send to Redis, in order, so that checks can see how a value came about.
#
# Redis reports every command it executes to MONITOR. Left out are the connections of roadlab's checks, which begin with
# CLIENT NO-TOUCH ON, and this program's own. The record is kept in a file of the data folder, so that it outlives a crash of
# the server. It holds at most MOST_LINES commands; when it is full, or when commands were missed, it is incomplete,
# and no check that needs it passes until the lab is reset.
#
# It answers over HTTP, after it has seen everything that was executed before the request:
#   POST /clear             removes append-only files, scripts and functions of the learner, and loads the functions of the lab
#   POST /begin             forgets everything: the lab's starting point
#   GET  /ready             whether it is recording
#   GET  /counted?…         and the other verdicts below: { "value": true or false, "how": in words, "elsewhere": whether
#                           something was written under the same name in another database }
#
# What a script would do in another state cannot be read from its text. It is tried: in a Redis of this program's own, which
# holds copies, listens on a socket that nobody else knows, and ends with the request.
#
# It needs nothing but the Perl that each Debian image contains.

use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();

use constant MOST_LINES => 20_000;
use constant MOST_BYTES => 4_000_000;
use constant LONGEST_WORD => 16_000;
my $DATA = '/data';
my $FILE = "$DATA/commands.log";
my $FUNCTIONS = '/lab/functions.lua';
my $TRIAL_SOCKET = '/tmp/recorder-trial.sock';

$SIG{PIPE} = 'IGNORE';

sub names { return map { $_ => 1 } @_ }

# Commands that say nothing about how a value came about; they are not recorded.
my %IGNORED = names qw(
    HELLO CLIENT PING INFO COMMAND SELECT ECHO DBSIZE TIME TTL PTTL TYPE OBJECT MEMORY XINFO XPENDING XLEN
    LLEN LASTSAVE ROLE WAIT WAITAOF QUIT SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUBLISH AUTH RANDOMKEY SCARD ZCARD HLEN
    SMEMBERS SISMEMBER SMISMEMBER SINTER SINTERCARD SDIFF SUNION HTTL HPTTL EXPIRETIME PEXPIRETIME HSTRLEN MONITOR
);
# Commands that read keys. The first group shows a value that a program can decide on.
my %RANKS = names qw(ZSCORE ZMSCORE ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANK ZREVRANK);
my %LOOKS = (%RANKS, names qw(GET MGET GETEX GETRANGE STRLEN HGET HMGET HGETALL HVALS LRANGE LINDEX LPOS));
my %READS = (%LOOKS, names qw(
    EXISTS KEYS SCAN HSCAN SSCAN ZSCAN HEXISTS HKEYS HRANDFIELD DUMP TOUCH WATCH SUBSTR LCS SORT_RO
    ZCOUNT ZINTER ZUNION ZDIFF ZINTERCARD ZLEXCOUNT ZRANDMEMBER ZRANGEBYLEX ZREVRANGEBYLEX
    GETBIT BITCOUNT BITPOS BITFIELD_RO SRANDMEMBER PFCOUNT XRANGE XREVRANGE XREAD
));
# Commands that change only the time to live.
my %ENDS = names qw(EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST GETEX HEXPIRE HPEXPIRE HPERSIST HEXPIREAT);
my %SCRIPTS = names qw(EVAL EVALSHA FCALL EVAL_RO EVALSHA_RO FCALL_RO);

# ---- The record ---------------------------------------------------------------------------------------------------------

# Units of commands that were executed together: { kind, commands, … }. `kind` is `single`, `script`, `transaction`, `look`
# (a watched key was read) or `start` (the server was started, with the values that it found). A command is
# { db, name, words, at }. `seen` of a transaction are the keys that were watched and read before it: nobody else changed them.
my @units;
my ($lines, $bytes, $incomplete, $run, $begun) = (0, 0, 0, '', 0);
my (%clients, %silent, $script, %outcomes);

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
    (@units, %clients, %outcomes) = ();
    ($lines, $bytes, $incomplete, $script, $begun) = (0, 0, 0, undef, time);
    store('>', "# run $run $begun");
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
    my ($at, $db, $client, $rest) = $line =~ /^(\S+) \[(\d+) (\S+)\] (".*)$/s or return;
    my ($name, @words) = words_of($rest);
    $name = uc $name;
    if ($client eq 'lua') {
        return if !$script || $IGNORED{$name};
        keep($line) if !$stored;
        push @{ $script->{commands} }, { db => $db, name => $name, words => \@words, at => $at };
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
            $line = "$at [$db $client] $rest";
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
    my $command = { db => $db, name => $name, words => \@words, at => $at };
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
    if ($line =~ /^# run (\S+) (\d+)/) { ($run, $begun) = ($1, $2) }
    elsif ($line =~ /^# start (\S+)/) {
        $run = $1;
        %clients = ();
        push @units, { kind => 'start', values => {}, commands => [], log => 0 };
    }
    elsif ($line =~ /^# value (.*)/ && @units) {
        my ($key, $type, @items) = words_of($1);
        $units[-1]{values}{$key} = { type => $type, items => \@items };
    }
    elsif ($line =~ /^# end (\d+) (.*)/ && @units) { $units[-1]{ends}{ (words_of($2))[0] } = $1 / 1000 }
    elsif ($line =~ /^# log (\d)/ && @units) { $units[-1]{log} = $1 }
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

sub is_whole { return defined $_[0] && $_[0] =~ /^-?\d+$/ }

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

# The options of a SET, in upper case, with their values; nothing if Redis refuses them.
sub set_options {
    my (@w) = @_;
    my %options;
    while (@w) {
        my $option = uc shift @w;
        if ($option =~ /^(EX|PX|EXAT|PXAT)$/) {
            return if !@w || $w[0] !~ /^\d+$/ || $w[0] == 0;
            $options{$option} = shift @w;
        }
        elsif ($option =~ /^IFD?(EQ|NE)$/) {
            return if !@w;
            $options{$option} = shift @w;
        }
        elsif ($option =~ /^(NX|XX|GET|KEEPTTL)$/) { $options{$option} = 1 }
        else { return }
    }
    return if 1 < grep { $options{$_} } qw(EX PX EXAT PXAT KEEPTTL);
    return if $options{NX} && $options{XX};
    return \%options;
}

# The conditions of an EXPIRE, in upper case; nothing if Redis refuses them.
sub expire_conditions {
    my %conditions = names map { uc } @_;
    return if grep { !/^(NX|XX|GT|LT)$/ } keys %conditions;
    return if $conditions{NX} && keys %conditions > 1 || $conditions{GT} && $conditions{LT};
    return \%conditions;
}

# Whether a COPY leaves this database as it is: it goes to another one, or its target is there already.
sub copies_nothing {
    my ($is_there, @options) = @_;
    my %options = names map { uc } @options;
    return $options{DB} || $is_there && !$options{REPLACE};
}

# What a command makes of strings, or of one field of hashes: pairs of a key and [ what, value ]. `what` is `write`, `add`,
# `remove`, `rename` or `copy`; a value that cannot be told is undefined.
sub effects {
    my ($command, $field, $exists) = @_;
    my ($name, @w) = ($command->{name}, @{ $command->{words} });
    return () if $READS{$name} || $ENDS{$name} || $SCRIPTS{$name};
    return map { $_ => ['remove'] } @w if $name =~ /^(DEL|UNLINK|GETDEL)$/;
    return ('*' => ['remove']) if $name =~ /^FLUSH(ALL|DB)$/;
    return $1 && $exists->($w[1]) ? () : ($w[0] => [ 'rename', $w[1] ]) if $name =~ /^RENAME(NX)?$/;
    return copies_nothing($exists->($w[1]), @w[ 2 .. $#w ]) ? () : ($w[0] => [ 'copy', $w[1] ]) if $name eq 'COPY';
    if (defined $field) {
        if ($name eq 'HSETEX') {
            my ($from) = grep { uc $w[$_] eq 'FIELDS' } 0 .. $#w;
            my %pairs = defined $from && (@w - $from) % 2 == 0 ? @w[ $from + 2 .. $#w ] : ();
            return exists $pairs{$field} ? ($w[0] => [ 'write', $pairs{$field} ]) : ();
        }
        if ($name =~ /^H(M?SET|SETNX)$/) {
            my ($key, %pairs) = (shift @w, (@w % 2 ? (@w, '') : @w));
            return exists $pairs{$field} ? ($key => [ 'write', $pairs{$field} ]) : ();
        }
        return $w[1] eq $field ? ($w[0] => [ 'add', $1 || is_whole($w[2]) ? $w[2] : undef ]) : () if $name =~ /^HINCRBY(FLOAT)?$/;
        return (grep { $_ eq $field } @w[ 1 .. $#w ]) ? ($w[0] => ['remove']) : () if $name eq 'HDEL';
        return map { $_ => ['write'] } @w;
    }
    if ($name eq 'SET') {
        my $options = set_options(@w[ 2 .. $#w ]) or return ();
        return () if $options->{NX} && $exists->($w[0]) || $options->{XX} && !$exists->($w[0]);
        return ($w[0] => [ 'write', $w[1] ]);
    }
    return $exists->($w[0]) ? () : ($w[0] => [ 'write', $w[1] ]) if $name eq 'SETNX';
    return ($w[0] => [ 'write', $w[1] ]) if $name eq 'GETSET';
    return is_whole($w[1]) && $w[1] > 0 ? ($w[0] => [ 'write', $w[2] ]) : () if $name =~ /^P?SETEX$/;
    if ($name =~ /^MSET(NX)?$/) {
        my @pairs;
        return () if $1 && grep { $_ % 2 == 0 && $exists->($w[$_]) } 0 .. $#w;
        while (@w > 1) { push @pairs, shift(@w) => [ 'write', shift @w ] }
        return @pairs;
    }
    return ($w[0] => [ 'add', 1 ]) if $name eq 'INCR';
    return ($w[0] => [ 'add', -1 ]) if $name eq 'DECR';
    return ($w[0] => [ 'add', $1 || is_whole($w[1]) ? $w[1] : undef ]) if $name =~ /^INCRBY(FLOAT)?$/;
    return ($w[0] => [ 'add', is_whole($w[1]) ? -$w[1] : undef ]) if $name eq 'DECRBY';
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

# Whether a number was changed in steps that read, calculate and write at once, from its value at the starting point on; with
# `once`, in a single one.
sub counted {
    my (%q) = @_;
    my $start = $q{field} ? $q{start} : $q{start} // 0;
    my $on = sub {
        my ($key, $old, $effect, $unit, $command) = @_;
        my ($what, $value) = @$effect;
        my $honest = $old->{honest} // 1;
        my $is_start = same_value($value, $start);
        return (honest => $is_start || $honest) if $what eq 'found';
        # With `once`, a number that is not the first one any more has been changed before.
        my $several = $q{once} && defined $old->{value} && !same_value($old->{value}, $start);
        if ($what eq 'add') {
            # Who adds to nothing what should be there has calculated.
            $honest = 0 if !defined $old->{value} && !same_value(0, $start);
            return (honest => $honest || $is_start, moved => 1, several => $several);
        }
        if ($what eq 'write' && ($unit->{kind} eq 'script' ? calculates($unit->{call}, %q) : has_looked($unit, $q{key}, $command))) {
            return (honest => $honest, moved => 1, several => $several);
        }
        return (honest => $is_start || ($what eq 'remove' && $q{field}), moved => 0, several => 0);
    };
    my $state = follow({ $q{key} => $q{field} ? undef : $q{start} }, $q{field}, $on)->{ $q{key} };
    return (0, 'calculated and written') if !($state->{honest} // 1);
    return (0, 'in several steps') if $state->{moved} && $state->{several};
    return (1, 'counted by Redis') if $state->{moved};
    return (0, 'not counted');
}

# Whether a script changes a number by the same amount, whatever the number was.
sub calculates {
    my ($call, %q) = @_;
    my @forms = ($q{field}
        ? (sub { return { name => 'Mango', price_cents => 1190, $q{field} => $_[0] } }, sub { return qq({"name":"Mango","price_cents":1290,"$q{field}":$_[0]}) })
        : sub { return $_[0] });
    for my $form (@forms) {
        my @moves;
        for my $number (113, 140) {
            my $after = outcome($call, { $q{key} => $form->($number) }, $q{key});
            my $value = $after && $after->{ $q{key} };
            $value = $value->{ $q{field} } if $q{field} && ref $value;
            push @moves, is_number($value) ? $value - $number : 0;
        }
        return 1 if $moves[0] && $moves[0] == $moves[1];
    }
    return 0;
}

# Follows the ends of keys in database 0 through the record. `$start`: the keys of the starting point, and whether they end. A
# key that is there has a state: { until, by, at, written, endless }. `until` is the moment of its end, or nothing; `by` is
# `start`, or how the end was given or taken away: `alone`, with the value (`write`), or with another name (`move`), at `at`.
# `written`: the value was written since. `endless`: after some step since it was created it had no end. `$before` is called before each
# command, `$after` after each unit.
sub follow_ends {
    my ($start, $before, $after) = @_;
    my %state = map { $_ => { until => $start->{$_} ? 9e15 : undef, by => 'start', at => $begun } } keys %$start;
    for my $unit (@units) {
        if ($unit->{kind} eq 'start') {
            my %found;
            for my $key (keys %{ $unit->{values} }) {
                my ($old, $until) = ($state{$key}, $unit->{ends}{$key});
                my $same = $old && (defined $until ? defined $old->{until} && ($old->{until} == 9e15 || abs($old->{until} - $until) < 2) : !defined $old->{until});
                $found{$key} = $same ? $old : { until => $until, by => 'start', at => $begun };
            }
            %state = %found;
        }
        for my $command (@{ $unit->{commands} }) {
            next if $command->{db} != 0 && $command->{name} ne 'FLUSHALL';
            for my $key (keys %state) {
                my $until = $state{$key}{until};
                delete $state{$key} if defined $until && $until < $command->{at};
            }
            $before->($unit, $command, \%state) if $before;
            change_ends(\%state, $command);
        }
        for my $key (keys %state) { $state{$key}{endless} = 1 if !defined $state{$key}{until} }
        $after->($unit, \%state) if $after;
    }
    return \%state;
}

# Executes a command on the ends of keys.
sub change_ends {
    my ($state, $command) = @_;
    my ($name, $at, @w) = ($command->{name}, $command->{at}, @{ $command->{words} });
    my $key = $w[0] // return;
    my $moment = sub {
        my ($unit, $number) = @_;
        return $unit eq 'EX' ? $at + $number : $unit eq 'PX' ? $at + $number / 1000 : $unit eq 'EXAT' ? $number : $number / 1000;
    };
    my $write = sub {
        my ($key, $until) = @_;
        $state->{$key} = { until => $until, by => 'write', at => $at, written => 1 };
    };
    return if $READS{$name} && !$ENDS{$name} || $SCRIPTS{$name} || $name =~ /^H(P?EXPIRE(AT)?|PERSIST)$/;
    if ($name eq 'SET') {
        my $options = set_options(@w[ 2 .. $#w ]) or return;
        my $old = $state->{$key};
        return if $options->{NX} && $old || $options->{XX} && !$old;
        if ($options->{KEEPTTL} && $old) { @$old{qw(written value)} = (1, $w[1]); return }
        my ($unit) = grep { $options->{$_} } qw(EX PX EXAT PXAT);
        $write->($key, $unit ? $moment->($unit, $options->{$unit}) : undef);
        # Something that is written over has existed before; only what is created anew begins anew.
        $state->{$key}{endless} = 1 if $old && $old->{endless};
        $state->{$key}{value} = $w[1];
    }
    elsif ($name eq 'SETNX') { $write->($key) if !$state->{$key} }
    elsif ($name =~ /^P?SETEX$/) {
        return if ($w[1] // '') !~ /^\d+$/ || $w[1] == 0;
        my $endless = $state->{$key} && $state->{$key}{endless};
        $write->($key, $moment->($name eq 'SETEX' ? 'EX' : 'PX', $w[1]));
        @{ $state->{$key} }{qw(endless value)} = ($endless, $w[2]);
    }
    elsif ($name =~ /^MSET(NX)?$/) {
        my @keys = @w[ grep { $_ % 2 == 0 } 0 .. $#w ];
        return if $1 && grep { $state->{$_} } @keys;
        $write->($_) for @keys;
    }
    elsif ($name eq 'GETSET') { $write->($key) }
    elsif ($name =~ /^(DEL|UNLINK|GETDEL|MOVE)$/) { delete $state->{$_} for @w }
    elsif ($name =~ /^FLUSH(ALL|DB)$/) { %$state = () }
    elsif ($name =~ /^RENAME(NX)?$/) {
        return if @w < 2 || !$state->{$key} || $1 && $state->{ $w[1] };
        $state->{ $w[1] } = { %{ delete $state->{$key} }, by => 'move', endless => 0 };
    }
    elsif ($name eq 'COPY') {
        return if @w < 2 || !$state->{$key} || copies_nothing($state->{ $w[1] }, @w[ 2 .. $#w ]);
        $state->{ $w[1] } = { %{ $state->{$key} }, by => 'move', endless => 0 };
    }
    elsif ($name eq 'RESTORE') {
        my $unit = (grep { uc $_ eq 'ABSTTL' } @w) ? 'PXAT' : 'PX';
        $write->($key, is_number($w[1]) && $w[1] > 0 ? $moment->($unit, $w[1]) : undef);
    }
    elsif ($name eq 'PERSIST') {
        my $old = $state->{$key} or return;
        @$old{qw(until by at written)} = (undef, 'alone', $at, 0) if defined $old->{until};
    }
    elsif ($name eq 'GETEX' || $name =~ /^(P?)EXPIRE(AT)?$/) {
        my $old = $state->{$key} or return;
        my ($unit, $number, $conditions) = (undef, undef, {});
        if ($name eq 'GETEX') {
            ($unit, $number) = (uc($w[1] // ''), $w[2]);
            return change_ends($state, { %$command, name => 'PERSIST', words => [$key] }) if $unit eq 'PERSIST' && @w == 2;
            return if @w > 3 || ($number // 0) =~ /^-|^0+$/;
        }
        else { ($unit, $number, $conditions) = (($1 ? 'PX' : 'EX') . ($2 // ''), $w[1], expire_conditions(@w[ 2 .. $#w ]) // return) }
        return if $unit !~ /^[EP]X(AT)?$/ || !is_whole($number);
        my $until = $moment->($unit, $number);
        my $ends = $old->{until};
        return if $conditions->{NX} && defined $ends || $conditions->{XX} && !defined $ends;
        return if $conditions->{GT} && (!defined $ends || $until <= $ends) || $conditions->{LT} && defined $ends && $until >= $ends;
        if ($until <= $at) { delete $state->{$key} }
        else { @$old{qw(until by at written)} = ($until, 'alone', $at, 0) }
    }
    elsif ($state->{$key}) { @{ $state->{$key} }{qw(written value)} = (1, '?') }
    else { $write->($key) }
    return;
}

# Whether a key has no end on the server, whatever the record says: a command that Redis refused has given none.
sub is_endless { return (ask_in(0, 'PEXPIRETIME', $_[0]) // 0) == -1 }

# Whether a key has had an end in every moment since it was created, or written anew with the value `from` and an end.
sub always_ends {
    my (%q) = @_;
    my $anew = sub {
        my ($unit, $state) = @_;
        my $now = $state->{ $q{key} } or return;
        $now->{endless} = 0 if defined $now->{until} && defined $now->{value} && $now->{value} eq $q{from};
        delete $now->{value};
    };
    my $now = follow_ends({}, undef, $anew)->{ $q{key} } or return (0, 'not there');
    return (0, 'never') if !defined $now->{until} || is_endless($q{key});
    return $now->{endless} ? (0, 'not for a moment') : (1, 'always');
}

# Whether a key that is there from the start was given an end by a command that does nothing else.
sub end_given {
    my (%q) = @_;
    my $now = follow_ends({ $q{key} => 0 })->{ $q{key} } or return (0, 'gone');
    return (0, 'not given') if !defined $now->{until} || is_endless($q{key});
    return (0, 'written') if $now->{by} ne 'alone' || $now->{written};
    return (1, 'given');
}

# Whether a key that is there from the start was given an end of at most so many seconds. The server's `TTL` rounds.
sub ends_within {
    my (%q) = @_;
    my $now = follow_ends({ $q{key} => 0 })->{ $q{key} } or return (0, 'gone');
    return (0, 'never') if !defined $now->{until} || is_endless($q{key});
    return (0, 'too late') if $now->{until} - $now->{at} > $q{seconds} + 0.5;
    return (1, 'in time');
}

# Whether a key still has the end that it had at the starting point, or one that was given anew in full.
sub keeps_end {
    my (%q) = @_;
    my $now = follow_ends({ $q{key} => 1 })->{ $q{key} } or return (0, 'gone');
    return (0, 'never') if !defined $now->{until} || is_endless($q{key});
    return (1, 'kept') if $now->{by} eq 'start' || $now->{until} == 9e15;
    my $life = $now->{until} - $now->{at};
    return (0, 'too early') if $life <= $q{seconds} - 2;
    return (0, 'too late') if $life >= $q{seconds} + 1;
    return (1, 'kept');
}

# Whether a default value was offered for the case that there is none, while there was another value, which was `chosen` and not
# written over since.
sub offered {
    my (%q) = @_;
    my ($done, $how) = (0, 'not offered');
    my $there = sub { return $_[0]{ $q{key} } };
    my $offer = sub {
        my ($is_there, $ends) = @_;
        return if $done;
        if ($ends) { $how = 'offered with an end' }
        elsif (!$is_there) { $how = 'offered to an empty key' }
        else { ($done, $how) = (1, 'offered') }
    };
    my $elsewhere;
    for my $command (map { @{ $_->{commands} } } grep { $_->{kind} ne 'script' } @units) {
        next if $command->{db} == 0 || !mentions($command, $q{key});
        $elsewhere = 1 if $command->{name} =~ /NX$/ || $command->{name} eq 'SET' && grep { uc $_ eq 'NX' } @{ $command->{words} };
    }
    my $command = sub {
        my ($unit, $command, $state) = @_;
        my @effects = effects($command, undef, sub { return $state->{ $_[0] } });
        while (my ($changed, $effect) = splice @effects, 0, 2) {
            my $gone = $changed eq $q{key} || $changed eq '*' || $effect->[0] =~ /^(rename|copy)$/ && $effect->[1] eq $q{key};
            next if !$gone || $effect->[0] eq 'copy' && $changed eq $q{key} || $effect->[0] eq 'write' && ($effect->[1] // '') eq $q{chosen};
            ($done, $how) = (0, 'written over since') if $done;
        }
        return if $unit->{kind} eq 'script';
        my ($name, @w) = ($command->{name}, @{ $command->{words} });
        my $options = $name eq 'SET' ? set_options(@w[ 2 .. $#w ]) // {} : {};
        my %pairs = $name eq 'MSETNX' && @w % 2 == 0 ? @w : $name eq 'SETNX' || $options->{NX} ? @w[ 0, 1 ] : ();
        my $ends = grep { $options->{$_} } qw(EX PX EXAT PXAT);
        # What was written beside, and is moved or copied to where there is nothing yet.
        if (@w > 1 && $state->{ $w[0] } && ($name eq 'RENAMENX' || $name eq 'COPY' && !grep { /^(REPLACE|DB)$/i } @w[ 2 .. $#w ])) {
            $pairs{ $w[1] } = $state->{ $w[0] }{value} // '';
            $ends = defined $state->{ $w[0] }{until};
        }
        my $value = $pairs{ $q{key} } // return;
        if ($value eq $q{value}) { $offer->($there->($state), $ends) }
        elsif (!$done) { $how = 'another value offered' }
    };
    my $was_there = 1;
    my $after = sub {
        my ($unit, $state) = @_;
        # A script that writes the default only where there is nothing yet.
        if ($unit->{kind} eq 'script' && grep { mentions($_, $q{key}) } @{ $unit->{commands} }) {
            my @outcomes = map { outcome($unit->{call}, { $q{key} => $_ }, $q{key}) // {} } (undef, '30', '31');
            my @values = map { $_->{ $q{key} } // '' } @outcomes;
            $offer->($was_there, ($outcomes[0]{"$q{key}\0left"} // -1) >= 0) if "@values" eq "$q{value} 30 31";
        }
        $was_there = $there->($state);
    };
    follow_ends({ $q{key} => 0 }, $command, $after);
    return (0, 'offered in another database') if $how eq 'not offered' && $elsewhere;
    return ($done, $how);
}

# Whether two numbers were changed together, in a unit that had looked at the first one and would do nothing if it were too low.
sub moved {
    my (%q) = @_;
    my %start = ($q{from} => $q{from_start}, $q{to} => $q{to_start});
    my ($value, $how) = (0, 'not moved');
    follow(
        \%start, undef,
        sub { return () },
        sub {
            my ($unit, $before, $after) = @_;
            my @changed = grep { !same_value($before->{$_}{value}, $after->{$_}{value}) } keys %start;
            return if !@changed || $unit->{kind} eq 'start';
            my @not_start = grep { !same_value($before->{$_}{value}, $start{$_}) } keys %start;
            ($value, $how) =
                  !grep({ !same_value($after->{$_}{value}, $start{$_}) } keys %start) ? (0, 'not moved')
                : @changed < 2 || @not_start ? (0, 'one by one')
                : $unit->{kind} eq 'script' && depends($unit->{call}, %start, from => $q{from}) ? (1, 'in one step')
                : !has_looked($unit, $q{from}) ? (0, 'without looking')
                : $unit->{kind} eq 'script' ? (0, 'without deciding')
                :                             (1, 'in one step');
        }
    );
    return ($value, $how);
}

# Whether a script leaves two numbers as they are when the first one is too low.
sub depends {
    my ($call, %start) = @_;
    my $from = delete $start{from};
    my ($to) = grep { $_ ne $from } keys %start;
    for my $low (0, 999) {
        my $after = outcome($call, { %start, $from => $low }, $from, $to) or return 0;
        return 0 if ($after->{$from} // '') ne "$low" || ($after->{$to} // '') ne "$start{$to}";
    }
    return 1;
}

# Executes a command on lists, and returns what happened: [ 'left' or 'came', key, member ], and [ 'moved', from, to, member ].
sub change_lists {
    my ($lists, $command) = @_;
    my ($name, @w) = ($command->{name}, @{ $command->{words} });
    my @events;
    my $remove = sub {
        my ($key, $right) = @_;
        my $job = $right ? pop @{ $lists->{$key} //= [] } : shift @{ $lists->{$key} //= [] };
        push @events, [ 'left', $key, $job ] if defined $job;
        return $job;
    };
    my $add = sub {
        my ($key, $right, @jobs) = @_;
        for my $job (@jobs) {
            if ($right) { push @{ $lists->{$key} }, $job }
            else { unshift @{ $lists->{$key} }, $job }
            push @events, [ 'came', $key, $job ];
        }
    };
    my $filter = sub {
        my ($key, @kept) = @_;
        my %kept;
        $kept{$_}++ for @kept;
        for my $job (@{ $lists->{$key} // [] }) {
            if (($kept{$job} // 0) > 0) { $kept{$job}-- }
            else { push @events, [ 'left', $key, $job ] }
        }
        $lists->{$key} = \@kept;
    };
    if ($name =~ /^B?LMOVE$|^B?RPOPLPUSH$/) {
        return if $name =~ /MOVE/ && grep { !/^(LEFT|RIGHT)$/i } @w[ 2, 3 ];
        my $job = $remove->($w[0], $name =~ /RPOP/ || uc($w[2] // '') eq 'RIGHT');
        return if !defined $job;
        $add->($w[1], $name !~ /RPOP/ && uc($w[3] // '') eq 'RIGHT', $job);
        push @events, [ 'moved', $w[0], $w[1], $job ];
    }
    elsif ($name =~ /^([LR])PUSH(X?)$/) { $add->($w[0], $1 eq 'R', @w[ 1 .. $#w ]) if !$2 || @{ $lists->{ $w[0] } // [] } }
    elsif ($name =~ /^([LR])POP$/) { $remove->($w[0], $1 eq 'R') for 1 .. ($w[1] // 1) }
    elsif ($name =~ /^B([LR])POP$/) {
        my $right = $1 eq 'R';
        my ($key) = grep { @{ $lists->{$_} // [] } } @w[ 0 .. $#w - 1 ];
        $remove->($key, $right) if defined $key;
    }
    elsif ($name =~ /^B?LMPOP$/) {
        my ($key) = grep { @{ $lists->{$_} // [] } } @w;
        my $count = uc($w[-2]) eq 'COUNT' ? $w[-1] : 1;
        if (defined $key) { $remove->($key, scalar grep { uc $_ eq 'RIGHT' } @w) for 1 .. $count }
    }
    elsif ($name eq 'LREM') {
        my @list = @{ $lists->{ $w[0] } // [] };
        @list = reverse @list if $w[1] < 0;
        my $count = abs($w[1]) || @list;
        @list = grep { !($_ eq $w[2] && $count-- > 0) } @list;
        $filter->($w[0], $w[1] < 0 ? reverse @list : @list);
    }
    elsif ($name eq 'LINSERT') {
        my @list = @{ $lists->{ $w[0] } // [] };
        my ($at) = grep { $list[$_] eq $w[2] } 0 .. $#list;
        return if !defined $at;
        splice @list, uc $w[1] eq 'AFTER' ? $at + 1 : $at, 0, $w[3];
        $lists->{ $w[0] } = \@list;
        push @events, [ 'came', $w[0], $w[3] ];
    }
    elsif ($name eq 'LSET') {
        my $list = $lists->{ $w[0] } // [];
        return if $w[1] > $#$list || $w[1] < -@$list;
        push @events, [ 'left', $w[0], $list->[ $w[1] ] ], [ 'came', $w[0], $w[2] ];
        $list->[ $w[1] ] = $w[2];
    }
    elsif ($name eq 'LTRIM') {
        my @list = @{ $lists->{ $w[0] } // [] };
        my ($first, $final) = map { $_ < 0 ? $_ + @list : $_ } @w[ 1, 2 ];
        $final = $#list if $final > $#list;
        $filter->($w[0], @list[ ($first < 0 ? 0 : $first) .. $final ]);
    }
    elsif ($name =~ /^(DEL|UNLINK|SET)$/) { $filter->($_) for $name eq 'SET' ? $w[0] : @w }
    elsif ($name =~ /^FLUSH/) { $filter->($_) for keys %$lists }
    elsif ($name =~ /^RENAME/ || $name eq 'COPY') {
        my @list = @{ $lists->{ $w[0] } // [] };
        $filter->($w[1]);
        $filter->($w[0]) if $name ne 'COPY';
        $lists->{ $w[1] } = \@list;
        push @events, map { [ 'came', $w[1], $_ ] } @list;
    }
    return @events;
}

sub list_commands { return grep { $_->{db} == 0 || $_->{name} eq 'FLUSHALL' } @{ $_[0]{commands} } }

sub found_list {
    my ($unit, $key) = @_;
    my $found = $unit->{values}{$key};
    return $found && $found->{type} eq 'list' ? @{ $found->{items} } : ();
}

# Whether a member of a list came into another one in the same step in which it left the first.
sub taken {
    my (%q) = @_;
    my %lists = ($q{from} => [ split /,/, $q{start} ], $q{to} => []);
    my %arrived;
    my $last = 'not taken';
    for my $unit (@units) {
        if ($unit->{kind} eq 'start') { $lists{$_} = [ found_list($unit, $_) ] for $q{from}, $q{to} }
        my (@left, @came);
        for my $command (list_commands($unit)) {
            for my $event (change_lists(\%lists, $command)) {
                my ($what, $key, @rest) = @$event;
                if ($what eq 'left' && $key eq $q{from}) { push @left, $rest[0] }
                elsif ($what eq 'came' && $key eq $q{to}) { push @came, $rest[0] }
                elsif ($what eq 'moved' && $rest[0] eq $q{to}) {
                    @came = grep { $_ ne $rest[1] } @came;
                    next if $key ne $q{from};
                    $arrived{ $rest[1] } = 1;
                    $last = 'in one step';
                }
            }
        }
        my %left = names @left;
        for my $job (@came) {
            $arrived{$job} = $unit->{kind} ne 'single' && $left{$job} ? 1 : 0;
            $last = $arrived{$job} ? 'in one step' : 'in two steps' if $job eq $q{job};
        }
        # A member that is gone from the second list has to arrive again.
        my %there = names @{ $lists{ $q{to} } // [] };
        delete $arrived{$_} for grep { !$there{$_} } keys %arrived;
        $last = 'in two steps' if !$there{ $q{job} } && grep { $_ eq $q{job} } @left;
    }
    return (1, 'in one step') if $arrived{ $q{job} };
    return (0, $last eq 'in one step' ? 'not taken' : $last);
}

# Whether a member was added to a list after what a start of the server found there, and was lost by that start.
sub lost {
    my (%q) = @_;
    my %lists = ($q{key} => []);
    my ($done, $how) = (0, 'not written');
    for my $unit (@units) {
        if ($unit->{kind} eq 'start') {
            my @before = @{ $lists{ $q{key} } // [] };
            my @found = found_list($unit, $q{key});
            # What was saved is still there, and what came after it is not.
            if (@before && $before[0] eq $q{kept} && "@found" eq $q{kept} && grep { $_ eq $q{member} } @before) { ($done, $how) = (1, 'lost in the crash') }
            elsif (grep { $_ eq $q{member} } @before) { ($done, $how) = (0, (grep { $_ eq $q{member} } @found) ? 'survived' : 'lost with the rest') }
            elsif (!$done && "@found" eq $q{kept}) { $how = 'not written' }
            elsif ("@found" ne "@before") { ($done, $how) = (0, 'not written') }
            $lists{ $q{key} } = \@found;
        }
        for my $command (list_commands($unit)) {
            for my $event (change_lists(\%lists, $command)) {
                my ($what, $key, $job) = @$event;
                next if $key ne $q{key};
                # What is typed anew was not kept by a snapshot.
                ($done, $how) = (0, 'typed anew') if $what eq 'left' && $done;
                $how = 'written, no crash yet' if $what eq 'came' && $job eq $q{member} && !$done;
            }
        }
    }
    return ($done, $how);
}

# The names of locks that a release by `$owner` has nothing to do with.
sub strangers { return ('somebody', "$_[0]0", "a-$_[0]", uc $_[0], '') }

# What a script does to a lock: whether it removes the one of its owner, and whether it removes or changes that of others.
sub release {
    my ($call, $key, $owner) = @_;
    my $own = outcome($call, { $key => \$owner }, $key) or return (0, 1);
    my $harm = 0;
    for my $name (strangers($owner)) {
        my $after = outcome($call, { $key => \$name }, $key);
        # Some minutes less are the time of the trial.
        my $left = $after ? $after->{"$key\0left"} // -2 : -2;
        $harm = !$after || !defined $after->{$key} || $after->{$key} ne $name || $left < 604_000 || $left > 604_800 ? 1 : 0;
        last if $harm;
    }
    return (!defined $own->{$key}, $harm);
}

# How the release of a lock that was there came about.
sub release_of {
    my (%q) = @_;
    my ($there, $value, $how) = (1, 0, 'not released');
    for my $unit (@units) {
        $there = exists $unit->{values}{ $q{key} } if $unit->{kind} eq 'start';
        for my $command (grep { $_->{db} == 0 && mentions($_, $q{key}) || $_->{name} =~ /^FLUSH/ } @{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            next if $READS{$name} && !$ENDS{$name};
            if ($name =~ /^(SET|SETNX|SETEX|PSETEX|GETSET|MSET|MSETNX)$/) {
                $there = 1;
                # It may end by itself, before anything is compared.
                ($value, $how) = (0, 'deleted without comparing') if $name =~ /EX$/ || grep { /^(EX|PX|EXAT|PXAT)$/i } @w;
                next;
            }
            next if !$there;
            if ($name eq 'DELEX') { ($value, $how) = (grep { uc $_ eq 'IFEQ' } @w) ? (1, 'command') : (0, 'deleted without comparing') }
            elsif ($unit->{kind} eq 'script') {
                my (undef, $harm) = release($unit->{call}, $q{key}, $q{owner});
                ($value, $how) = !$harm ? (1, 'script') : has_looked($unit, $q{key}, $command) ? (0, 'deletes any lock') : (0, 'deleted without comparing');
            }
            else { ($value, $how) = has_looked($unit, $q{key}, $command) ? (1, 'transaction') : (0, 'deleted without comparing') }
            $there = $name !~ /^(DEL|UNLINK|GETDEL|DELEX|RENAME|RENAMENX|MOVE|FLUSHALL|FLUSHDB)$/;
        }
    }
    return ($value, $how);
}

# Whether a key was removed in one step with the comparison of its value.
sub released {
    my ($value, $how) = release_of(@_);
    return ($value, $value ? 'compared and deleted' : $how);
}

# Whether the release of a lock was tried on a key that belongs to somebody else, in the way in which `own` was released.
sub tried {
    my (%q) = @_;
    my (undef, $way) = release_of(key => $q{own}, owner => $q{owner});
    my ($value, $how) = (0, 'not tried');
    for my $unit (@units) {
        if ($unit->{kind} eq 'look' && $unit->{key} eq "0 $q{key}") {
            ($value, $how) = $way eq 'transaction' ? (1, 'tried') : (0, 'only looked at') if !$value;
        }
        if ($unit->{kind} eq 'script' && (mentions($unit->{call}, $q{key}) || grep { mentions($_, $q{key}) } @{ $unit->{commands} })) {
            my ($own, $harm) = release($unit->{call}, $q{key}, $q{owner});
            if ($harm) { ($value, $how) = (0, 'would delete any lock') }
            elsif ($own) { ($value, $how) = (1, 'tried') }
        }
        for my $command (grep { $_->{db} == 0 && mentions($_, $q{key}) } @{ $unit->{commands} }) {
            ($value, $how) = (1, 'tried') if $command->{name} eq 'DELEX' && mentions($command, $q{owner});
        }
    }
    return ($value, $how);
}

# Whether a key was given a time to live of so many seconds, and has it still; with `from`, already when it had this value. A
# tool may be a moment late.
sub ends {
    my (%q) = @_;
    my ($now, $end) = (ask_in(0, 'EXISTS', $q{key}), ask_in(0, 'PEXPIRETIME', $q{key}));
    my (%given, $written);
    for my $unit (@units) {
        for my $command (grep { $_->{db} == 0 } @{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            if ($name =~ /^RENAME(NX)?$|^COPY$/ && @w > 1) {
                push @{ $given{ $w[1] } }, @{ $given{ $w[0] } // [] };
                $written = 1 if $w[1] eq $q{key};
            }
            next if $READS{$name} && !$ENDS{$name};
            $written = 1 if mentions($command, $q{key});
            next if $name !~ /^(P?SETEX|RESTORE)$/ && !$ENDS{$name} && !grep { /^(EX|PX|EXAT|PXAT)$/i } @w;
            push @{ $given{$_} }, $command->{at} for @w;
        }
    }
    return (0, $written ? 'gone' : 'never written') if !$now;
    return (0, 'never') if $end < 0;
    my @lives = map { $end / 1000 - $_ } @{ $given{ $q{key} } // [] };
    my $in_full = sub { return $_[0] > $q{seconds} - 2 && $_[0] < $q{seconds} + 1 };
    if (grep { $in_full->($_) } @lives) {
        # What is not known by its value, such as what was restored, is taken as the first one.
        my $began = 1;
        my $seen = sub {
            my $state = $_[-1]{ $q{key} } or return;
            $began = $in_full->($state->{until} - $state->{at}) if defined $state->{until} && ($state->{value} // $q{from}) eq $q{from};
        };
        follow_ends({}, $seen, $seen) if defined $q{from};
        return $began ? (1, 'in full') : (0, 'in full only later');
    }
    my $life = @lives ? $lives[-1] : $end / 1000 - time;
    return (0, $life > $q{seconds} ? 'too late' : 'too early');
}

# Whether a string had a value before it was changed into another one.
sub changed {
    my (%q) = @_;
    my $on = sub {
        my (undef, $old, $effect) = @_;
        my ($what, $value) = @$effect;
        return (had => 0, changed => 0) if $what eq 'remove' || $what eq 'found' && !defined $value;
        return (had => 1, changed => 0) if same_value($value, $q{from});
        # What an addition or a copy made of it is not known here.
        return (had => 1, changed => 0) if ($value // '') eq '?' && !$old->{had};
        return (changed => $old->{had} ? 1 : 0);
    };
    my $state = follow({ $q{key} => undef }, undef, $on)->{ $q{key} };
    return (1, 'changed') if $state->{changed};
    return (0, $state->{had} ? 'not changed yet' : 'written at once');
}

# The pairs of member and score of a ZADD, and its options; no pairs if Redis refuses it.
sub zadd {
    my ($key, @w) = @_;
    my %options;
    $options{ uc shift @w } = 1 while @w && $w[0] =~ /^(NX|XX|GT|LT|CH|INCR)$/i;
    return (\%options, {}) if @w % 2 || $options{INCR} && @w > 2 || 1 < grep { $options{$_} } qw(NX GT LT);
    return (\%options, {}) if $options{NX} && $options{XX} || grep { $_ % 2 == 0 && $w[$_] !~ /^[-+]?(\d+\.?\d*(e[-+]?\d+)?|\.\d+|inf(inity)?)$/i } 0 .. $#w;
    my %pairs;
    while (@w > 1) {
        my ($score, $member) = (shift @w, shift @w);
        $pairs{$member} = $score;
    }
    return (\%options, \%pairs);
}

# Whether results were entered into a sorted set so that each counts only if it is better than the one that is there.
sub raised {
    my (%q) = @_;
    my %results = map { split /:/ } split /,/, $q{results};
    my %players = map { split /:/ } split /,/, $q{start};
    my (%offered, %plain, %others);
    for my $unit (@units) {
        my $seen = $unit->{kind} eq 'transaction' && $unit->{seen}{"0 $q{key}"};
        if ($unit->{kind} eq 'script' && grep { mentions($_, $q{key}) } @{ $unit->{commands} }) {
            for my $member (keys %results) {
                my $score = $results{$member};
                my @after = map {
                    my %board = (%players, defined $_ ? ($member => $_) : ());
                    delete $board{$member} if !defined $_;
                    my $after = outcome($unit->{call}, { $q{key} => [ map { $board{$_}, $_ } sort keys %board ] }, $q{key});
                    $after && ref $after->{ $q{key} } ? $after->{ $q{key} }{$member} // '' : '';
                } ($score + 300, $score - 300, exists $players{$member} ? () : undef);
                my @wanted = ($score + 300, $score, exists $players{$member} ? () : $score);
                if ("@after" eq "@wanted") { $offered{$member} = 1 }
                elsif (same_value($after[0], $score)) { $plain{$member} = 1 }
            }
        }
        for my $command (grep { $_->{db} == 0 } @{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            if ($name eq 'ZADD') {
                my ($options, $pairs) = zadd(@w);
                if ($w[0] ne $q{key}) {
                    $others{ $w[0] } = { %{ $others{ $w[0] } // {} }, %$pairs };
                    next;
                }
                next if $unit->{kind} eq 'script';
                for my $member (grep { exists $results{$_} && same_value($pairs->{$_}, $results{$_}) } keys %$pairs) {
                    next if $options->{INCR};
                    my $counts = $seen || $options->{GT} && !($options->{XX} && !exists $players{$member});
                    if ($counts) { $offered{$member} = 1 }
                    else { $plain{$member} = 1 }
                }
            }
            elsif ($name =~ /^Z(UNION|INTER)STORE$/ && $w[0] eq $q{key} && "@w" =~ /AGGREGATE MAX/i && mentions($command, $q{key}) > 1) {
                for my $pairs (map { $others{$_} // () } @w[ 2 .. $#w ]) {
                    $offered{$_} = 1 for grep { exists $results{$_} && same_value($pairs->{$_}, $results{$_}) } keys %$pairs;
                }
            }
        }
        # A program that looked in a watched step can decide to write nothing.
        if ($seen) {
            $offered{$_} = 1 for grep { ($players{$_} // 0) >= $results{$_} } keys %results;
        }
    }
    return (1, 'only if better') if !grep { !$offered{$_} } keys %results;
    return (0, 'in any case') if grep { $plain{$_} && !$offered{$_} } keys %results;
    return (0, %offered ? 'not all of them' : 'none of them');
}

# Whether a sorted set was made from another one by Redis, or by a program that had read it since it changed.
sub copied {
    my (%q) = @_;
    my (%from, $read, $written);
    for my $unit (@units) {
        my $looked = $unit->{kind} eq 'transaction' && $unit->{seen}{"0 $q{from}"};
        for my $command (grep { $_->{db} == 0 } @{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            if ($RANKS{$name} && mentions($command, $q{from})) { $read = 1 if $name =~ /SCORE$/ || grep { uc $_ eq 'WITHSCORES' } @w }
            elsif ($name =~ /^(DEL|UNLINK)$/) { delete $from{$_} for @w }
            elsif ($name =~ /^(ZRANGESTORE|Z(UNION|INTER|DIFF)STORE)$/) { $from{ $w[0] } = scalar grep { $_ eq $q{from} || $from{$_} } @w[ 1 .. $#w ] }
            elsif ($name =~ /^(COPY|RENAME|RENAMENX)$/) { $from{ $w[1] } = $w[0] eq $q{from} || $from{ $w[0] } }
            elsif ($name eq 'RESTORE') { $from{ $w[0] } = 1 }
            elsif ($name =~ /^(ZADD|ZINCRBY)$/) { $from{ $w[0] } = $read || $looked ? 1 : 0 if $w[0] ne $q{from} }
            $read = 0 if $name =~ /^(ZADD|ZINCRBY)$/ && $w[0] eq $q{from};
            $written = 1 if !$READS{$name} && mentions($command, $q{key});
        }
    }
    return (1, 'copied from the board') if $from{ $q{key} };
    return (0, $written ? 'typed' : 'not stored');
}

# Whether keys were found with SCAN to the end while they were there, noted after they were found, and only then removed.
sub walked {
    my (%q) = @_;
    my @members = split /,/, $q{members};
    my (%cursors, %noted, %early, %removed, %away, $begun, $keys, $scan, $late);
    my $at = 0;
    my $fits = sub {
        my ($glob) = @_;
        my $pattern = join '', map { $_ eq '*' ? '.*' : $_ eq '?' ? '.' : /^\[/ ? $_ : quotemeta } $glob =~ /(\[[^\]]*\]|.)/gs;
        return scalar grep { /^$pattern$/s } @members;
    };
    for my $unit (@units) {
        for my $command (@{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            $at += 1;
            if ($name =~ /^([SZ]ADD|SMOVE|[LR]PUSH|HSET)$/) {
                for my $member (grep { mentions($command, $_) } @members) {
                    $noted{$member} //= $at;
                    $early{$member} //= 1 if !$begun && !$keys;
                    $early{$member} = 0 if $begun || $keys;
                }
            }
            elsif ($name eq 'FLUSHALL') { $removed{$_} //= $at for @members }
            next if $command->{db} != $q{db};
            if ($name eq 'KEYS' && $fits->($w[0] // '')) {
                (%cursors, $begun) = ();
                $keys = 1;
            }
            elsif ($name eq 'SCAN') {
                my %options;
                for my $i (1 .. $#w - 1) { $options{ uc $w[$i] } = $w[ $i + 1 ] }
                next if defined $options{MATCH} && !$fits->($options{MATCH});
                next if uc($options{TYPE} // 'string') ne 'STRING';
                $scan = 1;
                $late = 1 if $w[0] eq '0' && %removed;
                # A walk that begins when an upload is gone cannot find it.
                $begun //= $at if $w[0] eq '0' && !%removed;
                $cursors{"@w"} = [ $at, @w ] if $begun;
            }
            elsif ($name eq 'FLUSHDB') { $removed{$_} //= $at for @members }
            elsif ($name =~ /^(DEL|UNLINK|P?EXPIRE|GETDEL|RENAME|MOVE)$/) {
                for my $member (grep { mentions($command, $_) } @members) { $removed{$member} //= $at }
                # Where it went: a database and a name.
                my ($db, $to) = $name eq 'RENAME' ? ($q{db}, $w[1]) : ($w[1], $w[0]);
                $away{"$db $to"} = [ $db, $to ] if $name =~ /^(RENAME|MOVE)$/ && grep { $_ eq $w[0] } @members;
            }
            elsif ($name =~ /^M?SET/) { delete $removed{$_} for grep { mentions($command, $_) } @members }
        }
    }
    return (0, 'noted before they were found') if $scan && grep { $early{$_} } @members;
    return (0, 'removed before they were noted') if grep { defined $removed{$_} && ($noted{$_} // $at + 1) > $removed{$_} } @members;
    for my $place (values %away) {
        my ($db, $name) = @$place;
        return (0, 'moved away') if ask_in($db, 'EXISTS', $name) && !($db eq $q{db} && grep { $_ eq $name } @members);
    }
    return (0, 'looked for after they were removed') if $late && !$begun;
    return (0, $keys ? 'found with KEYS' : 'not looked for') if !$begun;
    # The last cursors of a walk lead to 0.
    for my $step (sort { $b->[0] <=> $a->[0] } values %cursors) {
        my ($reply) = ask_in($q{db}, 'SCAN', @$step[ 1 .. $#$step ]);
        return (1, 'found with SCAN') if ref $reply eq 'ARRAY' && $reply->[0] eq '0';
    }
    return (0, $keys ? 'found with KEYS' : 'not to the end');
}

# What happened to the entries of a stream in its groups: { NAME => { at, given => { CONSUMER => { ID => 1 } }, pending => { ID =>
# CONSUMER }, done => { ID => CONSUMER } } }. `given` are entries that a consumer received, `done` those that were
# acknowledged, by whom they had been received last (nobody: an empty text). `unseen` of a group are those that were claimed by
# their ids only (JUSTID): who reads the stream afterwards receives them.
sub groups_of {
    my (%q) = @_;
    my @entries = split /,/, $q{entries};
    my %groups;
    for my $text (split /;/, $q{start} // '') {
        my ($name, $at, $pending) = split /\//, $text;
        $groups{$name} = { at => $at, given => {}, done => {}, pending => { map { split /:/ } split /,/, $pending // '' }, since => $begun };
    }
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
    my $give = sub {
        my ($group, $consumer, $at, @ids) = @_;
        for my $id (@ids) {
            $group->{given}{$consumer}{$id} = 1;
            $group->{pending}{$id} = $consumer;
            delete $group->{unseen}{$id};
        }
        $group->{since} = $at;
    };
    # Redis takes `3` for `3-0`.
    my $whole_id = sub { return $_[0] =~ /^\d+$/ ? "$_[0]-0" : $_[0] };
    my $number_of = sub { my ($number, $part) = split /-/, $_[0]; return $number * 1e6 + ($part // 0) };
    my $remove = sub {
        my %gone = names @_;
        for my $group (values %groups) { $group->{at} = grep { !$gone{ $entries[$_] } } 0 .. $group->{at} - 1 }
        @entries = grep { !$gone{$_} } @entries;
    };
    for my $unit (@units) {
        if ($unit->{kind} eq 'start') {
            my @items = @{ ($unit->{values}{ $q{key} } // {})->{items} // [] };
            my %found;
            while (@items) {
                my ($name, $at, $pending) = splice @items, 0, 3;
                my %pending = map { split /=/ } split /,/, $pending // '';
                my $old = $groups{$name} // { given => {}, done => {} };
                $found{$name} = { %$old, at => $position->($at), pending => \%pending, since => $begun };
                delete @{ $found{$name}{done} }{ keys %pending };
                $found{$name}{given}{ $pending{$_} }{$_} = 1 for grep { $found{$name}{given}{ $pending{$_} } } keys %pending;
            }
            %groups = %found;
        }
        for my $command (grep { $_->{db} == 0 } @{ $unit->{commands} }) {
            my ($name, @w) = ($command->{name}, @{ $command->{words} });
            my @upper = map { uc } @w;
            my $group = $w[0] eq $q{key} ? $groups{ $w[1] // '' } : undef;
            if ($name eq 'XADD' && $w[0] eq $q{key}) {
                my ($id) = grep { /^\*$|^\d+(-(\d+|\*))?$/ } @w[ 1 .. $#w ];
                push @entries, $id =~ /^\d+-\d+$/ ? $id : '9999999999999999-0' if defined $id;
            }
            elsif ($name =~ /^XDEL/ && $w[0] eq $q{key}) { $remove->(map { $whole_id->($_) } @w[ 1 .. $#w ]) }
            elsif ($name =~ /^(DEL|UNLINK)$/ && mentions($command, $q{key}) || $name =~ /^FLUSH/) { (@entries, %groups) = () }
            elsif ($name eq 'XGROUP' && ($w[1] // '') eq $q{key}) {
                my $which = $w[2] // '';
                if ($upper[0] eq 'CREATE') {
                    $groups{$which} //= { at => $position->($w[3]), given => {}, pending => {}, done => {}, since => $command->{at} };
                }
                elsif ($upper[0] eq 'SETID') { $groups{$which}{at} = $position->($w[3]) if $groups{$which} }
                elsif ($upper[0] eq 'DESTROY') { delete $groups{$which} }
                elsif ($upper[0] eq 'DELCONSUMER' && $groups{$which}) {
                    my $pending = $groups{$which}{pending};
                    delete $pending->{$_} for grep { $pending->{$_} eq ($w[3] // '') } keys %$pending;
                }
            }
            elsif ($name =~ /^X(REV)?RANGE$/ && $w[0] eq $q{key} || $name eq 'XREAD' && mentions($command, $q{key})) {
                for my $group (values %groups) {
                    $group->{given}{ $group->{pending}{$_} }{$_} = 1 for grep { exists $group->{pending}{$_} } keys %{ $group->{unseen} // {} };
                    delete $group->{unseen};
                }
            }
            elsif ($name eq 'XREADGROUP' && $groups{ $w[1] // '' }) {
                my $group = $groups{ $w[1] };
                my ($streams) = grep { $upper[$_] eq 'STREAMS' } 0 .. $#w;
                my @rest = @w[ ($streams // $#w) + 1 .. $#w ];
                # Redis refuses options that it does not know, and a stream without an id.
                next if $upper[0] ne 'GROUP' || !@rest || @rest % 2;
                next if "@upper[ 3 .. $streams - 1 ] " !~ /^(?:(?:COUNT|BLOCK|CLAIM) \d+ |NOACK )*$/ && $streams > 3;
                my ($at) = grep { $rest[$_] eq $q{key} } 0 .. @rest / 2 - 1;
                next if !defined $at;
                if ($rest[ $at + @rest / 2 ] ne '>') {
                    # Reading again what one's own name has in hand.
                    $group->{given}{ $w[2] }{$_} = 1 for grep { $group->{pending}{$_} eq $w[2] } keys %{ $group->{pending} };
                    next;
                }
                my ($count) = map { $w[ $_ + 1 ] } grep { $upper[$_] eq 'COUNT' } 0 .. $streams - 1;
                my $upto = $count && $group->{at} + $count < @entries ? $group->{at} + $count : @entries;
                my @ids = @entries[ $group->{at} .. $upto - 1 ];
                $give->($group, $w[2], $command->{at}, @ids);
                $group->{at} = $upto;
                if (grep { $_ eq 'NOACK' } @upper[ 0 .. $streams - 1 ]) {
                    delete @{ $group->{pending} }{@ids};
                    $group->{done}{$_} = $w[2] for @ids;
                }
            }
            elsif ($name =~ /^X(AUTO)?CLAIM$/ && $group) {
                # Whether an entry has been idle for long enough is known to a second or two.
                next if !is_whole($w[3]) || $w[3] > 1000 * ($command->{at} - $group->{since} + 2);
                my $force = grep { $_ eq 'FORCE' } @upper;
                my (@ids, @options);
                for my $word (@w[ 4 .. $#w ]) { push @{ !@options && $word =~ /^(?:\d|\(|-$)/ ? \@ids : \@options }, uc $word }
                next if !@ids || join(' ', @options, '') !~ /^(?:(?:COUNT|IDLE|TIME|RETRYCOUNT) \d+ |LASTID \S+ |FORCE |JUSTID )*$/;
                if ($name eq 'XAUTOCLAIM') {
                    # It begins at this id, which `(` leaves out.
                    my ($out, $from) = $ids[0] =~ /^(\()?(\d+(?:-\d+)?|-)$/ or next;
                    $from = $from eq '-' ? 0 : $number_of->($from);
                    @ids = grep { $number_of->($_) > $from || !$out && $number_of->($_) == $from } keys %{ $group->{pending} };
                }
                else { @ids = grep { $force || exists $group->{pending}{$_} } map { $whole_id->($_) } @ids }
                if (grep { $_ eq 'JUSTID' } @upper) {
                    for my $id (@ids) {
                        $group->{unseen}{$id} = 1 if !$group->{given}{ $w[2] }{$id};
                        $group->{pending}{$id} = $w[2];
                    }
                    next;
                }
                $give->($group, $w[2], $command->{at}, @ids);
            }
            elsif ($name =~ /^XACK/ && $group) {
                for my $id (grep { exists $group->{pending}{$_} } map { $whole_id->($_) } @w[ 2 .. $#w ]) {
                    my $consumer = delete $group->{pending}{$id};
                    $group->{done}{$id} = $group->{given}{$consumer}{$id} ? $consumer : '';
                }
            }
        }
    }
    return \%groups;
}

# Whether a consumer of a group, or any of them, received the entries of a stream.
sub received {
    my (%q) = @_;
    my @wanted = split /,/, $q{ids};
    my $group = groups_of(entries => $q{ids}, %q)->{ $q{group} } or return (0, 'no such group');
    my %got = map { $_ => scalar keys %{ $group->{given}{$_} } } keys %{ $group->{given} };
    my %by_all = map { %$_ } values %{ $group->{given} };
    my $all = grep { $by_all{$_} } @wanted;
    if (!$q{consumer}) {
        return $all == @wanted ? (1, 'all of them') : (0, $all ? 'some of them' : 'none of them');
    }
    my $mine = grep { $group->{given}{ $q{consumer} }{$_} } @wanted;
    return (1, 'all of them') if $mine == @wanted;
    return (0, $all == @wanted ? 'some of them, others received the rest' : 'some of them, nobody received the rest') if $mine;
    return (0, $all ? 'none of them, another consumer did' : 'none of them');
}

# Whether these entries of a group were acknowledged; what a deleted consumer had in hand was not.
sub acknowledged {
    my (%q) = @_;
    my @wanted = split /,/, $q{ids};
    my $group = groups_of(entries => $q{ids}, %q)->{ $q{group} } or return (0, 'no such group');
    my $pending = ask_in(0, 'XPENDING', $q{key}, $q{group}) or return (0, 'no such group');
    return (0, 'received, not acknowledged') if $pending->[0] > 0;
    return (1, 'all of them') if !grep { !exists $group->{done}{$_} } @wanted;
    my %given = map { %$_ } values %{ $group->{given} };
    return (0, (grep { !exists $group->{done}{$_} && $given{$_} } @wanted) ? 'dropped' : 'not all of them received');
}

# Whether a consumer of a group received an entry before that was acknowledged.
sub recovered {
    my (%q) = @_;
    my $group = groups_of(entries => $q{ids}, %q)->{ $q{group} } or return (0, 'no such group');
    my $given = $group->{given};
    my $owner = $group->{pending}{ $q{id} };
    return (0, $owner eq $q{consumer} ? 'received, not acknowledged' : "in the name of $owner") if defined $owner;
    my $by = $group->{done}{ $q{id} } // '';
    return (1, "received by $q{consumer}") if $by eq $q{consumer};
    return (0, $by eq '' ? 'received by nobody' : "received by $by");
}

# Whether a key is there that nobody has written since the server was started: it was found in the files.
sub found {
    my (%q) = @_;
    my ($there) = ask_in(0, 'EXISTS', $q{key});
    my ($written, $started, $in_files);
    for my $unit (@units) {
        if ($unit->{kind} eq 'start') {
            ($started, $in_files) = (1, exists $unit->{values}{ $q{key} });
            $written = undef if $in_files;
        }
        for my $command (grep { $_->{db} == 0 && mentions($_, $q{key}) } @{ $unit->{commands} }) {
            next if $READS{ $command->{name} } || $ENDS{ $command->{name} };
            $written = 1;
            $started = 0;
        }
    }
    return (0, !$written ? 'never stored' : $started ? 'lost in the crash' : 'not there') if !$there;
    # What was moved here out of another database has not been in these files either.
    return (0, 'stored since the last start') if !$started || !$in_files;
    return (1, 'found at the start');
}

# Whether the running server was started with the append-only log on.
sub logging {
    return (0, 'off') if !log_is_on();
    my ($start) = grep { $_->{kind} eq 'start' } reverse @units;
    return $start && $start->{log} ? (1, 'on since the start') : (0, 'switched on since');
}

# Whether the config file, which counts at the next start, has the append-only log on. The last of several lines counts.
sub written_down {
    open(my $file, '<', "$DATA/redis.conf") or return (0, 'no config file');
    my ($line) = reverse grep { /^ *appendonly /i } <$file>;
    return (0, 'not in the config file') if !defined $line;
    return $line =~ /^ *appendonly +"?yes"?\s*$/i ? (1, 'on at the next start') : (0, 'off at the next start');
}

# Whether something was written under one of these names in another database.
sub elsewhere {
    my (%q) = @_;
    my %names = names grep { defined } @q{qw(key from to own)};
    for my $command (map { @{ $_->{commands} } } @units) {
        next if $command->{db} == 0 || $READS{ $command->{name} } && !$ENDS{ $command->{name} };
        return 1 if grep { $names{$_} } @{ $command->{words} };
    }
    return 0;
}

my %VERDICTS = (
    logging => \&logging, written_down => \&written_down,
    counted => \&counted, offered => \&offered, moved => \&moved, taken => \&taken, lost => \&lost, released => \&released,
    tried => \&tried, ends => \&ends, changed => \&changed, raised => \&raised, copied => \&copied, walked => \&walked,
    received => \&received, acknowledged => \&acknowledged, recovered => \&recovered, found => \&found,
    always_ends => \&always_ends, end_given => \&end_given, ends_within => \&ends_within, keeps_end => \&keeps_end,
);

# ---- Scripts, tried -----------------------------------------------------------------------------------------------------

my ($trial, $trial_process);

# Starts a Redis with copies of the keys of database 0, and of the scripts and functions that were loaded.
sub start_trial {
    unlink $TRIAL_SOCKET;
    $trial_process = fork // die "cannot fork: $!\n";
    if (!$trial_process) {
        open(STDOUT, '>', '/dev/null');
        open(STDERR, '>', '/dev/null');
        exec('redis-server', '--port', 0, '--unixsocket', $TRIAL_SOCKET, '--save', '', '--appendonly', 'no', '--dir', '/tmp') or POSIX::_exit(1);
    }
    my $socket;
    for (1 .. 500) {
        last if $socket = IO::Socket::UNIX->new(Peer => $TRIAL_SOCKET);
        select(undef, undef, undef, 0.01);
    }
    $trial = { socket => $socket // die("no Redis to try scripts in\n"), received => '', patience => 2 };
    my @loads;
    push @loads, [ qw(FUNCTION LOAD REPLACE), lab_functions() ];
    for my $unit (@units) {
        push @loads, [ qw(SCRIPT LOAD), $unit->{call}{words}[0] ] if $unit->{call} && $unit->{call}{name} =~ /^EVAL(_RO)?$/;
        for my $command (grep { $_->{name} eq 'SCRIPT' || $_->{name} eq 'FUNCTION' } @{ $unit->{commands} }) {
            push @loads, [ $command->{name}, @{ $command->{words} } ] if uc($command->{words}[0] // '') eq 'LOAD';
        }
    }
    ask_on($trial, @loads);
    my ($keys) = ask([qw(SCAN 0 COUNT 1000)]);
    my @names = @{ $keys->[1] // [] };
    my @dumps = ask(map { [ 'DUMP', $_ ] } @names);
    $trial->{copies} = [ map { [ 'RESTORE', $names[$_], 0, $dumps[$_], 'REPLACE' ] } grep { defined $dumps[$_] } 0 .. $#names ];
}

sub end_trial {
    return undef if !$trial_process;
    kill 'KILL', $trial_process;
    waitpid $trial_process, 0;
    ($trial, $trial_process) = ();
    return undef;
}

# Returns the values that keys have after a script, where `$values` are there before: a text, a text that ends (a reference to it), a
# hash of fields, a list of scores and members, or nothing. Returns nothing if the script cannot be tried.
sub outcome {
    my ($call, $values, @keys) = @_;
    my $text = sub { my ($v) = @_; return !defined $v ? '-' : ref $v eq 'SCALAR' ? "~$$v" : ref $v eq 'HASH' ? join ' ', map { "$_ $v->{$_}" } sort keys %$v : ref $v ? "@$v" : "=$v" };
    my $id = join "\0", $call->{db}, $call->{name}, @{ $call->{words} }, '', map({ ($_, $text->($values->{$_})) } sort keys %$values), '', @keys;
    return $outcomes{$id} if exists $outcomes{$id};
    # A Redis that does not come up says nothing about the script.
    eval { start_trial() if !$trial; 1 } or return end_trial();
    my $after = eval {
        my @set = map {
            my $value = $values->{$_};
            ([ 'DEL', $_ ], !defined $value ? () : ref $value eq 'SCALAR' ? [ 'SET', $_, $$value, 'EX', 604800 ] : ref $value eq 'HASH' ? [ 'HSET', $_, %$value ] : ref $value ? [ 'ZADD', $_, @$value ] : [ 'SET', $_, $value ]);
        } sort keys %$values;
        ask_on($trial, ['FLUSHALL'], @{ $trial->{copies} }, @set);
        ask_on($trial, [ 'SELECT', $call->{db} ], [ $call->{name}, @{ $call->{words} } ], [ 'SELECT', 0 ]);
        my %after;
        for my $key (@keys) {
            my ($type) = ask_on($trial, [ 'TYPE', $key ]);
            my %read = (string => [ 'GET', $key ], hash => [ 'HGETALL', $key ], zset => [ 'ZRANGE', $key, 0, -1, 'WITHSCORES' ]);
            next if !$read{$type};
            my ($value, $left) = ask_on($trial, $read{$type}, [ 'TTL', $key ]);
            $after{$key} = ref $value ? {@$value} : $value;
            $after{"$key\0left"} = $left;
        }
        \%after;
    };
    end_trial() if !$after;
    return $outcomes{$id} = $after;
}

# ---- Redis --------------------------------------------------------------------------------------------------------------

my ($monitor, $monitored);
# The connection that asks: { socket, received, patience }.
my $control;

sub lost_connection { die "the connection to Redis is lost\n" }

sub request { return join '', '*' . @_ . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @_ }

sub receive {
    my ($connection) = @_;
    IO::Select->new($connection->{socket})->can_read($connection->{patience}) or lost_connection();
    sysread($connection->{socket}, $connection->{received}, 65536, length $connection->{received}) or lost_connection();
}

sub reply {
    my ($connection) = @_;
    receive($connection) while $connection->{received} !~ /^.*?\r\n/s;
    $connection->{received} =~ s/^(.)(.*?)\r\n//s;
    my ($kind, $rest) = ($1, $2);
    return $rest if $kind eq '+' || $kind eq ':';
    return undef if $kind eq '-' || $rest < 0;
    if ($kind eq '*') { return [ map { reply($connection) } 1 .. $rest ] }
    receive($connection) while length $connection->{received} < $rest + 2;
    my $text = substr $connection->{received}, 0, $rest;
    substr($connection->{received}, 0, $rest + 2) = '';
    return $text;
}

# Sends commands in one piece, which Redis executes without anything in between, and returns the replies.
sub ask_on {
    my ($connection, @commands) = @_;
    return () if !@commands;
    syswrite($connection->{socket}, join '', map { request(@$_) } @commands) or lost_connection();
    return map { reply($connection) } @commands;
}

sub ask { return ask_on($control, @_) }

sub lab_functions {
    open(my $file, '<', $FUNCTIONS) or die "cannot read $FUNCTIONS: $!\n";
    local $/ = undef;
    return scalar <$file>;
}

# Removes what a learner left of an earlier append-only log, of scripts and of functions, and loads the functions of the lab.
# The files of that log would be read in place of what is to be lost when the log is switched on the wrong way.
sub clear {
    unlink glob "$DATA/appendonlydir/*";
    rmdir "$DATA/appendonlydir";
    return 0 if -e "$DATA/appendonlydir";
    my (undef, undef, $library) = ask([qw(SCRIPT FLUSH)], [qw(FUNCTION FLUSH)], [ qw(FUNCTION LOAD), lab_functions() ]);
    return ($library // '') eq 'lab';
}

# Whether the append-only log is on.
sub log_is_on {
    my ($info) = ask([qw(INFO persistence)]);
    return ($info // '') =~ /aof_enabled:1/ ? 1 : 0;
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
    $monitored = '';
    ($control, $monitor) = ({ socket => dial(), received => '', patience => 5 }, dial());
    ask([qw(CLIENT NO-TOUCH ON)]);
    my ($info) = ask([qw(INFO server)]);
    my ($id) = ($info // '') =~ /run_id:(\w+)/ or die "Redis is not ready yet\n";
    die "Redis is still loading\n" if !defined((ask([qw(DBSIZE)]))[0]);
    syswrite($monitor, "MONITOR\r\n") or lost_connection();
    IO::Select->new($monitor)->can_read(5) or lost_connection();
    # The two lines of the own connection are not seen by MONITOR, which came later.
    $silent{ $control->{socket}->sockhost . ':' . $control->{socket}->sockport } = 1;
    if ($id eq $run) { note('# incomplete') }
    else {
        note("# start $id");
        note('# log ' . log_is_on());
        my ($cursor, %keys) = (0);
        do {
            my ($step) = ask([ 'SCAN', $cursor, 'COUNT', 1000 ]);
            $keys{$_} = 1 for @{ $step->[1] // [] };
            $cursor = $step->[0] // 0;
        } while ($cursor ne '0' && keys %keys < 5000);
        for my $key (sort keys %keys) {
            my ($type) = ask([ 'TYPE', $key ]);
            my %read = (
                string => [ 'GET', $key ],
                list => [ 'LRANGE', $key, 0, -1 ],
                hash => [ 'HGETALL', $key ],
                stream => [ 'XINFO', 'GROUPS', $key ],
            );
            my ($found) = $read{$type} ? ask($read{$type}) : ();
            # Of a stream, the groups, the last entry that each was given, and what is pending in whose name.
            if ($type eq 'stream') {
                $found = [ map { my %group = @$_; my ($pending) = ask([ 'XPENDING', $key, $group{name}, '-', '+', 100 ]);
                    (@group{qw(name last-delivered-id)}, join ',', map { "$_->[0]=$_->[1]" } @{ $pending // [] }) } @$found ];
            }
            note('# value ' . quoted($key, $type, map { substr $_ // '', 0, LONGEST_WORD } ref $found ? @$found : $found // ()));
            my ($end) = ask([ 'PEXPIRETIME', $key ]);
            note("# end $end " . quoted($key)) if ($end // -1) > 0;
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
    if ($path eq '/clear' && $method eq 'POST') {
        return clear()
            ? respond($socket, '200 OK', '{"value": true}')
            : respond($socket, '500 Internal Server Error', '{"error": "the files or the functions are not as they should be"}');
    }
    if ($path eq '/begin' && $method eq 'POST') {
        forget();
        return respond($socket, '200 OK', '{"value": true}');
    }
    if ($path eq '/ready') {
        return respond($socket, '200 OK', sprintf '{"value": true, "complete": %s, "lines": %d}', $incomplete ? 'false' : 'true', $lines);
    }
    my $verdict = $VERDICTS{ substr $path, 1 } // return respond($socket, '404 Not Found', '{"error": "no such page"}');
    my %query = map { my ($name, $value) = split /=/, $_, 2; decoded($name) => decoded($value // '') } split /&/, $query;
    my ($value, $how) = $incomplete ? (0, 'record incomplete') : $verdict->(%query);
    end_trial();
    $how =~ s/([\\"])/\\$1/g;
    my ($found, $other) = map { $_ ? 'true' : 'false' } $value, elsewhere(%query);
    respond($socket, '200 OK', qq({"value": $found, "how": "$how", "elsewhere": $other}));
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
