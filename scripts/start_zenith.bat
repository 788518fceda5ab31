@echo off
rem Starts an application after preparing its Zenith database:
rem
rem   scripts\start_zenith.bat my-application --port 8080
rem
rem Runs `zenith-db ensure`, which creates or migrates the database, and then the application. If ensure
rem fails, exits with its exit code. Without a command, exits after ensure. ZENITH_DB_BIN sets the path of
rem zenith-db. zenith-db reads .env from the current directory itself.

rem Delayed expansion is off while the application runs: otherwise a ! would be lost.
setlocal DisableDelayedExpansion

set "zenith_db=zenith-db"
if exist "%~dp0..\target\release\zenith-db.exe" set "zenith_db=%~dp0..\target\release\zenith-db.exe"
if defined ZENITH_DB_BIN set "zenith_db=%ZENITH_DB_BIN%"
if exist "%zenith_db%" goto ensure
where /q "%zenith_db%"
if errorlevel 1 goto missing

:ensure
rem Standard output is reserved for the application. Delayed expansion, because a block in parentheses
rem expands percent variables before it runs.
setlocal EnableDelayedExpansion
"!zenith_db!" ensure 1>&2
if !errorlevel! neq 0 (
    set "zenith_exit=!errorlevel!"
    echo start_zenith: the database is not ready ^(exit code !zenith_exit!^); nothing was started 1>&2
    exit /b !zenith_exit!
)
endlocal

rem The administrator's password is for ensure only.
set "ZENITH_ADMIN_PASSWORD="
if [%1]==[] exit /b 0
%*
exit /b %errorlevel%

:missing
echo start_zenith: cannot find "%zenith_db%"; build it with `cargo build --release`, or set ZENITH_DB_BIN to its path 1>&2
exit /b 127
