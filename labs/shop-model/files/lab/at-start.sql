CREATE DATABASE IF NOT EXISTS roadlab;
CREATE TABLE IF NOT EXISTS roadlab.server_start (no INT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6) NOT NULL);
CREATE TABLE IF NOT EXISTS roadlab.deadlocks_before (deadlocks BIGINT NOT NULL);
INSERT INTO roadlab.server_start (at) VALUES (SYSDATE(6));
DELETE FROM roadlab.deadlocks_before;
