# commits.sh LEVEL: a hundred commits, one after the other, each of which waits as LEVEL of synchronous_commit says.
psql -q -v ON_ERROR_STOP=1 -U lab -d hall -c "SET synchronous_commit = $1" -c "
  DO \$\$ BEGIN
    FOR i IN 1..100 LOOP
      UPDATE tick SET n = i WHERE level = '$1';
      COMMIT;
    END LOOP;
  END \$\$" && echo '100 commits'
